"""Sweeps by the command line: what a run costs beside its training, and what two workers gain."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmark.cells import Cell, Row, Rows
from benchmark.children import clean_environment
from benchmark.measure import say
from benchmark.startup import SCRIPT

FEW, MANY = 4, 12
"""Runs of the sweeps whose difference is the cost of the runs between: start and end of the sweep itself drop out."""
WHOLE = 32
"""Runs of the sweep that is measured as a whole, from its start to its end."""

SMALL = ["training.batch_size=128", "training.epochs=10", "training.threads=1"]
"""The default network, 784-128-64-10."""
UNTRAINED = ["data.train_size=128", "data.validation_size=128"]
"""One step an epoch, and next to no validation: what such a run costs, its test and its figures included, is overhead."""

FURTHER = {
    "a further run without its training": UNTRAINED,
    "a further run without its training, tracking off": [*UNTRAINED, "tracking=off"],
    "a further run without its training, no figures": [*UNTRAINED, "tracking.figures=false"],
}
SWEEP = f"a whole sweep: {WHOLE} runs of 10 epochs"
LAUNCHERS = {"one process": [], "local, 2 workers": ["hydra/launcher=local", "hydra.launcher.workers=2"]}


def measure_sweeps(rows: Rows, rounds: int) -> list[Cell]:
    """Milliseconds of wall time per further run of a sweep, and of a whole sweep, by launcher."""
    cells = [Cell("sweep", kind, 128) for kind in (*FURTHER, SWEEP)]
    for cell in cells:
        if any(row.cell == cell for row in rows):
            continue
        times: dict[str, list[float]] = {name: [] for name in LAUNCHERS}
        for number in range(rounds):
            for name, launcher in LAUNCHERS.items():
                say(f"{cell.net}, {name}: round {number + 1} of {rounds}")
                times[name].append(_whole(launcher) if cell.net == SWEEP else _further(cell, launcher))
        rows.add([Row.of(cell, name, 1, ms) for name, ms in times.items()])
    return cells


def gain(rows: Rows) -> str:
    """How many times as fast the two workers finish the whole sweep."""
    one, two = (median(row.ms_median for row in rows if (row.net, row.mode) == (SWEEP, name)) for name in LAUNCHERS)
    return f"Two workers finish the whole sweep {one / two:.2f} times as fast as one process with one BLAS thread."


def _further(cell: Cell, launcher: list[str]) -> float:
    few, many = (_sweep([*SMALL, *FURTHER[cell.net], *launcher], n) for n in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _whole(launcher: list[str]) -> float:
    return _sweep([*SMALL, *launcher], WHOLE)


def _sweep(arguments: list[str], n: int) -> float:
    """Milliseconds of a whole sweep over n seeds, its processes' start included."""
    with tempfile.TemporaryDirectory() as outputs:
        environment = clean_environment() | {"MNIST_NP_OUTPUTS": outputs}
        command = [sys.executable, str(SCRIPT), "-m", f"seed=range({n})", *arguments]
        began = perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=Path(outputs))
        return 1000 * (perf_counter() - began)
