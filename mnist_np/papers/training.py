"""How the missing runs of a row are trained: as a sweep, by the ordinary command line."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from mnist_np.papers.rows import Row
from mnist_np.sweep.children import Child
from mnist_np.sweep.folder import JOBS, SweepFolder
from mnist_np.sweep.plan import SweepIdentity

EXPERIMENT = "papers"
"""The MLflow experiment that the runs are listed in."""

TIMEOUT = 60.0
"""Seconds that an interrupted sweep has to write its checkpoint."""


def words(row: Row, seeds: Sequence[int]) -> list[str]:
    """The arguments of ``mnist-np train`` that train the row with these seeds."""
    whole = list(seeds) == list(range(len(seeds)))
    chosen = f"seed=range({len(seeds)})" if whole and len(seeds) > 1 else f"seed={','.join(map(str, seeds))}"
    common = [f"sweep.name={row.name}", f"tracking.experiment={EXPERIMENT}"]
    if not any(word.startswith(("training.threads=", "training.processes=")) for word in row.overrides):
        common.append("training.threads=1")  # the last bits of a result depend on it
    return ["-m", *row.overrides, chosen, *common]


def command(row: Row, seeds: Sequence[int] = ()) -> str:
    """The whole command, as a user would type it; ``seeds``: others than those that the verdict needs."""
    return shlex.join(["mnist-np", "train", *words(row, seeds or range(row.seeds))])


def train(
    row: Row,
    seeds: Sequence[int],
    outputs: Path,
    workers: int,
    anew: bool,
    stop: Callable[[], str | None],
    seconds: float | None = None,
) -> tuple[int, list[Child]]:
    """Train the row as a sweep in a process of its own, and give its exit code and its runs, finished or not.

    Args:
        row: what is trained.
        seeds: with which seeds.
        outputs: the folder of all results.
        workers: how many runs at a time.
        anew: train also what is finished.
        stop: asked five times a second; a text ends the sweep, which writes checkpoints to go on from.
        seconds: ends the sweep after this long.
    """
    arguments = words(row, seeds)
    if workers > 1:
        arguments += ["hydra/launcher=local", f"hydra.launcher.workers={workers}"]
    if anew:
        arguments.append("sweep.skip_finished=false")
    environment = os.environ | {"MNIST_NP_OUTPUTS": str(outputs)}
    sweep = folder_of(outputs, row, seeds)
    before = begun(sweep)
    # A session of its own: a Ctrl-C comes to this process alone, which passes it on once.
    process = subprocess.Popen([sys.executable, "-m", "mnist_np", "train", *arguments], env=environment, start_new_session=True)
    try:
        end = monotonic() + seconds if seconds is not None else None
        while process.poll() is None:
            if stop() or (end is not None and monotonic() > end):
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(TIMEOUT)
                break
            sleep(0.2)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode, sweep.children() if begun(sweep) != before else []


def folder_of(outputs: Path, row: Row, seeds: Sequence[int]) -> SweepFolder:
    """The folder of the sweep that `words` start, and of no other: one of the row's name may have another recipe.

    The row's overrides must be written as Hydra writes them, 0.001 rather than 1e-3: a test compares them.
    """
    varied = ["seed"] if len(seeds) > 1 else []
    fixed = [word for word in words(row, seeds) if word != "-m" and word.partition("=")[0] not in varied]
    fixed = [re.sub("=(true|false)$", lambda found: f"={found[1].title()}", word) for word in fixed]  # as Hydra does
    return SweepFolder(outputs, row.name, SweepIdentity.of(varied, fixed, row.name).id)


def begun(sweep: SweepFolder) -> int | None:
    """When the list of jobs was written last; None before the first start."""
    with suppress(FileNotFoundError):
        return (sweep.path / JOBS).stat().st_mtime_ns
    return None
