"""Train an earlier run once more, from the config that it left, and say whether the weights are the same to the last bit.

python scripts/rerun.py RUN

First it is said what is not as it was: the data, the versions of the software, the processes and threads. Exit code 0: the same
bits; 1: other bits, or a run that left nothing to compare with.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from mnist_np.commands.saved import parser, plugins, reports_user_errors, saved_run
from mnist_np.component import shortened
from mnist_np.console import ConsoleReporter
from mnist_np.files import near
from mnist_np.fingerprint import differences, identify
from mnist_np.source_code import git, numeric_sha256
from mnist_np.storage.provenance import RELEVANT, blas, versions
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.saved_run import SavedRun
from mnist_np.storage.teacher import load_data
from mnist_np.storage.tensorfile import open_tensors
from mnist_np.terminal import counted, printable
from mnist_np.training.auto_mode import mode_of
from mnist_np.training.interrupt import Interrupt
from mnist_np.training.result import Result
from mnist_np.training.run import run, untrained

UNTIMED = "time/"
"""Metrics of this kind never repeat."""


@reports_user_errors
def main() -> int:
    """Rerun the run that ``sys.argv`` names. Gives the exit code."""
    arguments = parser(__doc__, "a run's folder or its MLflow run id")
    arguments.add_argument("--threads", type=int, help="one process with so many BLAS threads (default: as the run was trained)")
    chosen = arguments.parse_args()
    plugins(chosen)
    with saved_run(chosen.run, chosen.outputs, chosen.uri) as saved:
        return rerun(saved, chosen.outputs, chosen.threads)


def rerun(saved: SavedRun, outputs: Path, threads: int | None = None) -> int:
    """Train the saved run's experiment in a folder of its own under ``outputs/reruns``, and compare."""
    console = Console(highlight=False)
    experiment = saved.experiment
    if threads is not None:
        experiment.training = dataclasses.replace(experiment.training, threads=threads, processes=1)
    data = load_data(experiment, outputs)
    network = untrained(experiment, data)
    mode = mode_of(experiment, data, network.layers, saved.mode)
    now = {
        "inputs": identify(experiment, data.sha256, data.teacher_sha256).inputs(),
        "versions": {name: versions()[name] for name in RELEVANT},
        "blas": blas() | {"threads": mode.threads},
        "mode": mode.record,
        "git": dict(git()),
        "code_sha256": numeric_sha256(),
    }
    then = saved.result | ({"mode": saved.mode.record} if saved.result and saved.mode else {})
    for line in changes(then, now) or ["data, code, plugins, teacher, versions, processes and threads are those of the run"]:
        console.print(printable(line), markup=False, soft_wrap=True)
    folder = outputs / "reruns" / f"{datetime.now():%Y-%m-%d-%H-%M-%S-%f}"
    with Interrupt() as interrupted:
        listeners = [RunFolder(folder, figures=False), ConsoleReporter(folder)]
        result = run(experiment, data, listeners, interrupted, network=network, recorded=mode)
    if result.status == "killed":
        return interrupted.exit_code
    same, verdict = compared(saved, result)
    console.print(printable(shortened(verdict)), style="bold green" if same else "bold red", markup=False, soft_wrap=True)
    if not same:
        both = f"compare {near(saved.folder)} and {near(folder)}"
        console.print(printable(both), markup=False, soft_wrap=True)
    return 0 if same else 1


def changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What a result may depend on and is not as it was, a line each."""
    if not then:
        return ["the run left no result.json: whether data, code, versions, processes and threads are the same cannot be said"]
    old: dict[str, Any] = {}
    for key, value in now.items():
        old[key] = then[key] if isinstance(then.get(key), type(value)) else type(value)()
    old["versions"] = {name: old["versions"].get(name) for name in RELEVANT}
    dirty = [
        f"git.dirty: the code had uncommitted changes {when}"
        for when, record in (("then", old), ("now", now))
        if record["git"].pop("dirty", False)
    ]
    words = ("then", "now")
    return differences(old.pop("inputs"), now.pop("inputs"), words) + differences(old, now, words) + dirty


def compared(saved: SavedRun, result: Result) -> tuple[bool, str]:
    """Whether the rerun has the same result, and the verdict in words."""
    status = saved.result.get("status")
    if status not in ("finished", "diverged"):
        epochs, first = first_difference(saved.history, result.history)
        if first is None and epochs:
            after = counted(epochs, "epoch")
            return True, f"the run was {status or 'cut off'} after {after}: those are the same to the last digit"
        return False, f"the run was {status or 'cut off'}: " + (
            f"from epoch {first} on they differ" if first else "it left no whole epoch"
        )
    old, new = open_tensors(saved.weights_file).arrays(), result.network.arrays()
    if old.keys() == new.keys() and all(old[name].tobytes() == new[name].tobytes() for name in new):
        return True, "the weights are identical to the bit"
    if {name: a.shape for name, a in old.items()} != {name: a.shape for name, a in new.items()}:
        return False, "the weights differ: they are not even of the same shapes"
    largest = max(float(np.abs(old[name] - new[name]).max()) for name in new if new[name].size)
    _, first = first_difference(saved.history, result.history)
    return False, f"the weights differ, by {largest:.2g} at most" + (
        f"; the metrics from epoch {first} on" if first else "; no metric does"
    )


def first_difference(then: list[dict[str, float]], now: list[dict[str, float]]) -> tuple[int, int | None]:
    """How many epochs both have, and the first (from 1) in which a metric other than a time differs."""
    common = min(len(then), len(now))
    logged = {key for row in then for key in row if not key.startswith(UNTIMED)}
    for epoch in range(common):
        if any(then[epoch].get(key) != value for key, value in now[epoch].items() if key in logged):
            return common, epoch + 1
    return common, None
