"""From the command to the first batch, the first epoch's line and the help: whole processes, measured from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from benchmark.cells import Cell, Mode, Row, Rows, all_modes
from benchmark.children import clean_environment
from benchmark.measure import say

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"
LIBRARIES = ("torch-eager", "jax", "sklearn", "keras")


def measure_startup(rows: Rows, rounds: int) -> list[Cell]:
    """Measure each command in turn, ``rounds`` times; returns the cells."""
    ours = all_modes()["threads-1"]
    commands: list[tuple[Cell, Mode, list[str]]] = [
        (Cell("startup", "--help", 0, "none"), ours, [str(SCRIPT), "--help"]),
        (Cell("startup", "first batch", 64), ours, _first_batch(ours, ["tracking=off"])),
    ]
    for name in LIBRARIES:
        mode = all_modes()[name]
        if mode.installed:
            commands.append((Cell("startup", "first batch", 64), mode, _first_batch(mode, [])))
    cells = [(cell, mode) for cell, mode, _ in commands] + [(Cell("startup", "first epoch, tracked", 64), ours)]
    times = interleaved([*(_timed(command) for _, _, command in commands), _first_epoch], rounds)
    for (cell, mode), ms in zip(cells, times, strict=True):
        rows.add([Row.of(cell, mode.name, mode.threads, ms)])
    return list(dict.fromkeys(cell for cell, _ in cells))


def interleaved(jobs: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """The times of each job, after one run for the disk cache; a line of progress per round."""
    for job in jobs:
        job()
    times: list[list[float]] = [[] for _ in jobs]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for job, ms in zip(jobs, times, strict=True):
            ms.append(job())
    return times


def _first_batch(mode: Mode, arguments: list[str]) -> list[str]:
    return ["-m", "benchmark.first_batch", json.dumps(asdict(mode)), *arguments]


def _first_epoch() -> float:
    """Milliseconds from the default command, MLflow on, to its first epoch's line."""
    with tempfile.TemporaryDirectory() as folder:
        environment = clean_environment(1) | {"MNIST_NP_OUTPUTS": folder}
        began = perf_counter()
        command = subprocess.Popen([sys.executable, str(SCRIPT)], env=environment, stdout=subprocess.PIPE, text=True)
        with command:
            assert command.stdout
            next(line for line in command.stdout if line.split()[:1] == ["1/10"])
            ms = 1000 * (perf_counter() - began)
            command.kill()
        return ms


def _timed(arguments: list[str]) -> Callable[[], float]:
    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            environment = clean_environment(1) | {"MNIST_NP_OUTPUTS": folder}
            began = perf_counter()
            subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
            return 1000 * (perf_counter() - began)

    return run
