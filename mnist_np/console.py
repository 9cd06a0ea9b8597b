"""Progress of a training on the console: a bar with the remaining time, a line per epoch, and the result at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mnist_np.files import near
from mnist_np.registry import name_of
from mnist_np.terminal import duration, printable
from mnist_np.training.events import EpochEnd, Observer, RunStart

if TYPE_CHECKING:
    from mnist_np.training.result import Result

BAR = 20
"""Characters of the bar: the whole line fits into 80 columns."""

LABEL = 15
"""Characters of a label."""

REFRESH_HZ = 4
"""The bar is drawn by a thread of its own that looks at the run's progress: a step costs nothing, a drawing 0.3 ms."""

STYLES = {"finished": "green", "killed": "yellow", "pruned": "yellow", "diverged": "red"}


class ConsoleReporter(Observer):
    """Reports a run on ``console`` (default: standard output), in plain lines where that is not a terminal.

    ``folder`` is where the run's files lie; ``look`` are further places to look, each a label and what gives the text.
    """

    def __init__(
        self, folder: Path | None = None, look: Sequence[tuple[str, Callable[[], str]]] = (), console: Console | None = None
    ) -> None:
        self.folder, self.look = folder, look
        self.console = console or Console(highlight=False)
        self.live: Live | None = None

    def on_start(self, event: RunStart) -> None:
        self.event, self.began, self.first_step = event, perf_counter(), event.progress.step
        self.console.print(Text(headline(event)))  # a text, since brackets in a string are markup
        if event.progress.epoch:
            self.console.print(f"{'resumed':<{LABEL}}after epoch {event.progress.epoch}")
        self.console.print(Text(f"\n{HEADER}", style="bold"))
        if self.console.is_terminal:
            self.live = Live(
                console=self.console,
                get_renderable=self.bar,
                refresh_per_second=REFRESH_HZ,
                transient=True,
                redirect_stdout=False,
            )
            self.live.start()

    def on_epoch(self, event: EpochEnd) -> None:
        best = event.progress.best
        is_best = best is not None and best.epoch == event.epoch
        self.console.print(epoch_line(event.epoch, self.event.experiment.training.epochs, event.metrics, is_best))

    def on_end(self, result: Result) -> None:
        self.close()
        self.console.print()
        self.console.print(table(result))
        lines = files(self.folder) if self.folder else []
        for label, text in [*lines, *((label, text()) for label, text in self.look)]:
            self.console.print(Text.assemble((f"{label:<{LABEL}}" if label else "  ", "bold"), text), soft_wrap=True)

    def on_failure(self, error: BaseException) -> None:
        self.close()

    def close(self) -> None:
        if self.live:
            self.live.stop()

    def bar(self) -> Text:
        """Update the bar: progress, metrics and remaining time."""
        progress, steps = self.event.progress, self.event.steps
        done = progress.step - self.first_step
        left = (perf_counter() - self.began) / max(done, 1) * (steps - progress.step)
        filled = BAR * progress.step // steps
        seen = progress.n_seen
        shown = f"  loss {progress.loss_sum / seen:.4f}  accuracy {progress.n_correct / seen:.2%}" if seen else ""
        return Text.assemble(
            f"epoch {min(progress.epoch + 1, self.event.experiment.training.epochs)} ",
            ("━" * filled, "cyan"),
            ("━" * (BAR - filled), "bright_black"),
            f" {progress.step / steps:4.0%}{shown}",
            "  the results are being written" if progress.step == steps else f"  {duration(left)} left" if done else "",
            no_wrap=True,
            overflow="ellipsis",
        )


HEADER = f"{'epoch':>9}{'train loss':>12}{'train acc':>11}{'val loss':>11}{'val acc':>10}{'lr':>10}{'time':>9}"


def headline(event: RunStart) -> str:
    """The lines at the start: model, data, training settings, and how it is computed."""
    experiment, data = event.experiment, event.data
    hidden = experiment.model.hidden
    sizes = "-".join(map(str, [data.n_features, *hidden, data.n_classes]))
    activation = f" {name_of(experiment.activation)}" if hidden else ""
    schedule = name_of(experiment.schedule)
    how = [f"{name_of(experiment.optimizer)}, lr {experiment.optimizer.lr:g}", *([schedule] if schedule != "constant" else [])]
    how += [f"batch {experiment.training.batch_size}", experiment.training.dtype, f"seed {experiment.seed}"]
    lines = [
        f"{'network':<{LABEL}}{sizes}{activation}, {len(event.network.params):,} parameters",
        f"{'data':<{LABEL}}{data.name}: {data.sizes}",
        f"{'training':<{LABEL}}{', '.join(how)}",
        f"{'computed by':<{LABEL}}{event.mode}",
    ]
    return "\n".join(map(printable, lines))


def epoch_line(epoch: int, epochs: int, metrics: dict[str, float], is_best: bool) -> str:
    """A row under `HEADER`; a star marks the best epoch so far."""
    cells = [f"{f'{epoch}/{epochs}':>9}"]
    for key, width, form in COLUMNS:
        cells.append(f"{format(metrics[key], form) if key in metrics else '-':>{width}}")
    return "".join(cells) + f"{metrics['time/epoch_s']:7.1f} s" + (" *" if is_best else "")


COLUMNS = (
    ("train/loss", 12, ".4f"),
    ("train/accuracy", 11, ".2%"),
    ("val/loss", 11, ".4f"),
    ("val/accuracy", 10, ".2%"),
    ("lr", 10, ".3g"),
)


def table(result: Result) -> Table:
    """The result as a table of two columns."""
    rows = Table.grid()
    rows.add_column(min_width=LABEL)
    styles = {"status": STYLES.get(result.status, ""), "test accuracy": "bold"}
    for label, text in result.summary.items():
        rows.add_row(label, Text(text, style=styles.get(label, "")))
    return rows


def files(folder: Path) -> list[tuple[str, str]]:
    """Where the run's files are, with the figures' paths in full, to be copied."""
    figures = sorted(folder.glob("figures/*.png"))
    return [("folder", near(folder)), *([("figures", "")] if figures else []), *(("", near(path)) for path in figures)]
