"""Watching a sweep while it runs: the children's folders are read about once a second, whoever runs them and wherever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mnist_np.sweep.children import ENDED, Child
from mnist_np.sweep.plan import SweepFolder, read_child
from mnist_np.sweep.report import SweepReport

TICK = 1.0
"""Seconds between two looks."""


class Monitor(threading.Thread):
    """Reads the children of ``folder`` until stopped, shows them in a live table and tells ``changed`` of each new report."""

    def __init__(
        self,
        folder: SweepFolder,
        make_report: Callable[[list[Child]], SweepReport],
        changed: Callable[[SweepReport], None],
        planned: int | None,
        console: Console,
    ) -> None:
        super().__init__(daemon=True, name="sweep-monitor")
        self.folder, self.make_report, self.changed, self.console = folder, make_report, changed, console
        self.planned = planned
        self._ended = threading.Event()
        self._final: dict[str, Child] = {}
        self._began = monotonic()
        self._done_before: int | None = None
        self._told: dict[str, int] = {}

    def look(self) -> SweepReport:
        """The sweep as it stands. A child that has ended is read once."""
        children = []
        for note in sorted(self.folder.path.glob("*/child.json")):
            name = note.parent.name
            child = self._final.get(name) or read_child(note.parent)
            if child.status in ENDED and child.status != "killed":
                self._final[name] = child
            children.append(child)
        return self.make_report(children)

    def run(self) -> None:
        live = self.console.is_terminal
        with Live(console=self.console, auto_refresh=False, transient=True) as screen:
            while not self._ended.wait(TICK):
                try:
                    report = self.look()
                except (OSError, ValueError):  # a file is being written at this moment
                    continue
                if live:
                    screen.update(self.render(report), refresh=True)
                elif report.counts != self._told:
                    self._told = report.counts
                    self.console.print(report.overview())
                self.changed(report)

    def stop(self) -> None:
        """End the watching and wait for it."""
        self._ended.set()
        self.join()

    def render(self, report: SweepReport) -> RenderableType:
        """Jobs done, running and failed, the best so far, and the time left."""
        counts = report.counts
        total = self.planned or len(report.children)
        done = sum(counts[status] for status in ENDED)
        table = Table(title=f"Sweep {report.name}", title_justify="left", expand=False)
        for column in ("done", "running", "failed", "diverged", "pruned"):
            table.add_column(column, justify="right")
        table.add_column(f"best {report.column}", justify="right")
        table.add_column("time left", justify="right")
        best = "" if report.best_value is None else f"{report.best_value:.4f}"
        numbers = [f"{done} of {total}", *(str(counts[s]) for s in ("running", "failed", "diverged", "pruned"))]
        table.add_row(*numbers, best, self.time_left(done, total))
        leader = Text(f"best so far: {report.best.folder.name}" if report.best else "", style="dim")
        return Group(table, ProgressBar(total=max(total, 1), completed=done, width=60), leader)

    def time_left(self, done: int, total: int) -> str:
        """From the pace of this start's jobs, as ``1:05``; a question mark before the first is done."""
        if self._done_before is None:
            self._done_before = done
        finished = done - self._done_before
        if not finished:
            return "?"
        seconds = round((monotonic() - self._began) / finished * (total - done))
        return (
            f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            if seconds >= 3600
            else f"{seconds // 60}:{seconds % 60:02}"
        )
