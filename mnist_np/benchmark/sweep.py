"""Sweeps by the command line: what a run costs beside its training, and what two workers gain."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from mnist_np.benchmark.cells import Cell, Row, Rows
from mnist_np.benchmark.children import clean_environment
from mnist_np.benchmark.measure import say
from mnist_np.benchmark.startup import SCRIPT

FEW, MANY = 4, 12
"""Runs of the sweeps whose difference is the cost of the runs between: start and end of the sweep itself drop out."""

NOTHING = ["data=synthetic", "model.hidden=[8]", "training.epochs=1"]
"""A run of next to no training: what it costs is overhead."""

KINDS = {
    "next to nothing, tracking off": [*NOTHING, "tracking=off"],
    "next to nothing": NOTHING,
    "default, 3 epochs, tracking off": ["training.epochs=3", "tracking=off"],
}
LAUNCHERS = {"one process": [], "local, 2 workers": ["hydra/launcher=local", "hydra.launcher.workers=2"]}


def measure_sweeps(rows: Rows, rounds: int) -> list[Cell]:
    """Milliseconds of wall time per further run of a sweep, by kind of run and launcher."""
    cells = [Cell("sweep", kind, 64) for kind in KINDS]
    for cell in cells:
        times: dict[str, list[float]] = {name: [] for name in LAUNCHERS}
        for number in range(rounds):
            for name, launcher in LAUNCHERS.items():
                say(f"{cell.net}, {name}: round {number + 1} of {rounds}")
                few, many = (_sweep([*KINDS[cell.net], *launcher], n) for n in (FEW, MANY))
                times[name].append((many - few) / (MANY - FEW))
        for name, ms in times.items():
            rows.add([Row.of(cell, name, 1, ms)])
    return cells


def _sweep(arguments: list[str], n: int) -> float:
    """Milliseconds of a whole sweep over n seeds."""
    with tempfile.TemporaryDirectory() as outputs:
        environment = clean_environment() | {"MNIST_NP_OUTPUTS": outputs}
        command = [sys.executable, str(SCRIPT), "-m", f"seed=range({n})", *arguments]
        began = perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=Path(outputs))
        return 1000 * (perf_counter() - began)
