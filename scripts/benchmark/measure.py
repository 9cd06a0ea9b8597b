"""Interleaved rounds: every mode once, then every mode again, so that a busy minute hits all of them alike."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from statistics import fmean, median
from time import perf_counter, sleep

from benchmark.auto import chosen_mode
from benchmark.cells import Cell, Mode, Row, Rows
from benchmark.children import Child, Unmeasurable
from benchmark.load import Load, foreign_cores

PAUSE = 0.1
"""Seconds between two measurements: the threads of the last one stop spinning."""
QUIET = 0.1
"""Cores used by others up to which a measurement counts as undisturbed."""


class Rounds:
    """Measures cells, one child process per mode through all of them, until ``minutes`` are over.

    For each measurement it waits up to ``patience`` seconds for the machine to be quiet, and repeats what was disturbed.
    """

    def __init__(self, rows: Rows, rounds: int, minutes: float, patience: float = 0) -> None:
        self.rows, self.rounds, self.patience = rows, rounds, patience
        self.deadline = perf_counter() + 60 * minutes
        self.children: dict[str, Child] = {}

    @property
    def over(self) -> bool:
        return perf_counter() > self.deadline

    def measure(self, cells: Sequence[Cell], modes: Sequence[Mode]) -> None:
        """Measure every cell that the rows lack, in every mode that can do it."""
        limits = [mode for mode in modes if mode.name.startswith("gemm")]
        with ExitStack() as stack:
            stack.callback(self._close)
            for number, cell in enumerate(cells, 1):
                wanted = self.rows.missing(cell, modes)
                if not wanted:
                    continue
                if self.over:
                    say(f"the time is over; {len(cells) - number + 1} cells are left for the next time")
                    break
                say(f"[{number}/{len(cells)}] {cell.task} {cell.net}, batch {cell.batch}, {cell.optimizer}")
                self.rows.add(self._cell(cell, limits + [mode for mode in wanted if mode not in limits]))

    def _cell(self, cell: Cell, modes: Sequence[Mode]) -> list[Row]:
        kernels: dict[str, str] = {}
        for mode in modes:
            try:
                kernels[mode.name] = self._child(mode).prepare(cell)
            except Unmeasurable as reason:
                self._skip(mode, reason)
        times: dict[str, list[float]] = {name: [] for name in kernels}
        foreign: dict[str, list[float]] = {name: [] for name in kernels}
        wall: dict[str, list[float]] = {name: [] for name in kernels}
        for _ in range(self.rounds):
            for name in list(kernels):
                try:
                    ms, others = self._run(self.children[name])
                except Unmeasurable as reason:
                    self._skip(self.children[name].mode, reason)
                    del kernels[name]
                    continue
                times[name].append(ms)
                wall[name].append(round(self.children[name].wall, 3))
                foreign[name] += [] if others is None else [others]
            if self.over:
                break
        measured = [mode for mode in modes if times.get(mode.name)]
        limits = {mode.cores: median(times[mode.name]) for mode in measured if mode.name.startswith("gemm")}
        return [
            Row.of(
                cell,
                mode.name,
                mode.threads,
                times[mode.name],
                limits.get(mode.cores),
                foreign_cores=round(fmean(foreign[mode.name]), 2) if foreign[mode.name] else None,
                kernel=kernels.get(mode.name, ""),
                wall=wall[mode.name] if cell.task == "auto" else [],
                chosen=chosen_mode(cell) if cell.task == "auto" else "",
            )
            for mode in measured
        ]

    def _run(self, child: Child) -> tuple[float, float | None]:
        """Milliseconds, and the cores that others used meanwhile: of several tries the least disturbed, if there is patience."""
        sessions = {child.process.pid for child in self.children.values()}
        deadline = perf_counter() + self.patience
        best: tuple[float, float | None] | None = None
        while True:
            sleep(PAUSE)
            while self.patience and perf_counter() < deadline and (_busy(sessions) or 0) > QUIET:
                pass
            before = Load.now(sessions)
            ms = child.run()
            others = foreign_cores(before, Load.now(sessions))
            if best is None or (others or 0) < (best[1] or 0):
                best = ms, others
            if (best[1] or 0) <= QUIET or perf_counter() > deadline:
                return best

    def _child(self, mode: Mode) -> Child:
        if mode.name not in self.children:
            self.children[mode.name] = Child(mode)
        return self.children[mode.name]

    def _skip(self, mode: Mode, reason: Unmeasurable) -> None:
        say(f"    {mode.name}: {reason}")
        child = self.children[mode.name]
        if child.process.poll() is not None:
            child.close()
            del self.children[mode.name]

    def _close(self) -> None:
        for child in self.children.values():
            child.close()
        self.children.clear()


def _busy(sessions: Collection[int]) -> float | None:
    """The cores that others use at the moment."""
    before = Load.now(sessions)
    sleep(3 * PAUSE)
    return foreign_cores(before, Load.now(sessions))


def say(text: str) -> None:
    """Progress, beside the result on standard output."""
    print(text, file=sys.stderr, flush=True)
