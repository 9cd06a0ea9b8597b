"""Sweeps of many tiny runs: what a run costs beside its training, and how time, memory and disk grow with their number.

Times are those of the processor, which other programs disturb less than the clock's. Waiting for the disk comes on top.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

from benchmark.children import clean_environment

PROGRAM = [sys.executable, "-m", "mnist_np"]

SEEDS = 10
"""Runs of a configuration."""

TINY = ["data.train_size=128", "data.validation_size=128", "training.epochs=1", "training.threads=1", f"model.hidden={[1]}"]
"""A training of milliseconds: one step of a network of one unit. All else of a run is as always, its test included."""

COLUMNS = (
    "runs",
    "a run, ms",
    "memory, MB",
    "disk, MB",
    "database, MB",
    "start again, s",
    "dry run, s",
    "report, s",
    "compare, s",
)


def grow(sizes: list[int]) -> None:
    """Print a markdown table: for each number of runs, a sweep from its start to its end, and what is done with it later."""
    for line in chain([COLUMNS, ["---:"] * len(COLUMNS)], map(measure, sizes)):
        print(f"| {' | '.join(line)} |", flush=True)


def sweep_of(n: int) -> list[str]:
    """The arguments of a sweep of ``n`` runs, ten seeds of each learning rate."""
    rates = ",".join(f"{0.1 + i / 10_000:g}" for i in range(max(1, n // SEEDS)))
    return ["train", "-m", f"optimizer.lr={rates}", f"seed=range({min(n, SEEDS)})", *TINY]


def measure(n: int) -> list[str]:
    """The cells of a row."""
    with tempfile.TemporaryDirectory() as folder:
        outputs, arguments = Path(folder) / "outputs", sweep_of(n)
        whole, memory = run(arguments, outputs)
        size, database = disk(outputs), disk(outputs / "mlflow.db")
        again, _ = run(arguments, outputs)
        (sweep,) = (outputs / "sweeps").iterdir()
        later = [[*arguments, "sweep.dry_run=true"], ["report", str(sweep)], ["compare", str(sweep), "--limit", "20"]]
        seconds = [again, *(run(command, outputs)[0] for command in later)]
        cost = 1000 * (whole - again) / n
        return [f"{n:,}", *(f"{x:.0f}" for x in (cost, memory, size, database)), *(f"{s:.1f}" for s in seconds)]


def run(arguments: list[str], outputs: Path) -> tuple[float, float]:
    """Seconds of the processor, and MB of memory at its largest, that a command takes."""
    environment = clean_environment(1) | {"MNIST_NP_OUTPUTS": str(outputs)}
    process = subprocess.Popen([*PROGRAM, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6


def disk(path: Path) -> float:
    """MB that a file, or all files of a folder, take on disk; of several names of one file the first alone counts."""
    files = path.rglob("*") if path.is_dir() else [path]
    sizes = {(status.st_dev, status.st_ino): status.st_blocks * 512 for status in map(os.lstat, files)}
    return sum(sizes.values()) / 1e6
