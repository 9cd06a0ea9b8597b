"""Watches a sweep while it runs, about once a second, with any launcher."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mnist_np.sweep.children import ENDED
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import shown
from mnist_np.sweep.values import title

TICK = 1.0
"""Seconds between two looks."""

SHARE = 20
"""After a look that took t seconds there is none for SHARE * t: a sweep of many thousand runs needs its time for itself."""


class Monitor(threading.Thread):
    """Looks at the sweep until stopped, shows each report as a live table and tells ``changed`` of it."""

    def __init__(
        self,
        look: Callable[[], SweepReport],
        changed: Callable[[SweepReport], None],
        planned: int | None,
        console: Console,
    ) -> None:
        super().__init__(daemon=True, name="sweep-monitor")
        self.look, self.changed, self.console = look, changed, console
        self.planned = planned
        self._ended = threading.Event()
        self._began = monotonic()
        self._done_before: int | None = None
        self._told: dict[str, int] = {}

    def run(self) -> None:
        live, pause = self.console.is_terminal, TICK
        with Live(console=self.console, auto_refresh=False, transient=True) as screen:
            while not self._ended.wait(pause):
                began = monotonic()
                report = self.look()
                if live:
                    screen.update(self.render(report), refresh=True)
                elif report.counts != self._told:
                    self._told = report.counts
                    self.console.print(report.overview())
                self.changed(report)
                pause = max(TICK, SHARE * (monotonic() - began))

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
        trouble = [status for status in ("failed", "diverged", "pruned") if counts[status]]
        for column in ("done", "running", *trouble):
            table.add_column(column, justify="right")
        table.add_column(f"best {report.column}", justify="right")
        table.add_column("time left", justify="right")
        best = "" if report.best_value is None else shown(report.best_value)
        numbers = [f"{done} of {total}", *(str(counts[status]) for status in ("running", *trouble))]
        table.add_row(*numbers, best, self.time_left(done, total))
        leader = Text(f"best so far: {title(report.best.overrides)}" if report.best else "", style="dim", overflow="fold")
        bar = Table.grid()  # a bar alone does not end its line
        bar.add_row(ProgressBar(total=max(total, 1), completed=done, width=60))
        return Group(table, bar, leader)

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
