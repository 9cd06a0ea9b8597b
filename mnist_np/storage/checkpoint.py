"""Checkpoints, from which an interrupted run continues with bitwise the same result.

A run's ``checkpoints`` folder holds its last two, ``step-<number of steps>.safetensors``. Each is all of `Progress` with the
network's weights and running statistics; the order of the batches and everything else random follows from seed and epoch.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from mnist_np.component import JsonDict, UserError
from mnist_np.data.dataset import Dataset
from mnist_np.fingerprint import identify
from mnist_np.source_code import numeric_sha256
from mnist_np.storage.packing import pack
from mnist_np.storage.provenance import blas, versions
from mnist_np.storage.tensorfile import Arrays, write_tensors
from mnist_np.training.events import EpochEnd, Observer, RunStart, StepEnd
from mnist_np.training.mode import Mode, recorded
from mnist_np.training.progress import Progress

if TYPE_CHECKING:
    from mnist_np.experiment import Experiment
    from mnist_np.training.result import Result

KEPT = 2
"""The newest, and one before it in case that the newest is damaged."""


class CheckpointError(UserError):
    """A checkpoint that cannot be resumed. The message names the file and what is wrong with it."""


class Checkpointer(Observer):
    """Writes a checkpoint into ``folder`` after every ``every_epochs`` epochs and every ``every_steps`` steps (0: never).

    To be told last: a run that has come to its end and lost nothing needs its checkpoints no more. While the run lives its
    process holds ``lock``, so that whoever finds the folder knows whether to go on with it.
    """

    required = True

    def __init__(self, folder: Path, every_epochs: int = 1, every_steps: int = 0, lock: FileLock | None = None) -> None:
        self.folder, self.every_epochs, self.every_steps = folder, every_epochs, every_steps
        self.observes_steps = every_steps > 0
        self.lock = lock or FileLock(folder / ".lock", timeout=0)

    def on_start(self, event: RunStart) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.lock.is_locked:
            acquire(self.lock)
        self.network, self.progress = event.network, event.progress
        self.about = describe(event.experiment, event.data, event.mode)
        for path in self.folder.glob(".*.tmp"):
            path.unlink()
        for path in found(self.folder):
            if step_of(path) > event.progress.step:  # damaged, or of a run that is begun anew
                path.unlink()

    def wants_step(self, step: int) -> bool:
        return step % self.every_steps == 0

    def on_step(self, event: StepEnd) -> None:
        self.save()

    def on_epoch(self, event: EpochEnd) -> None:
        if self.every_epochs and event.epoch % self.every_epochs == 0:
            self.save()

    def on_stop(self, progress: Progress) -> None:
        if progress.status == "killed":
            self.save()

    def on_end(self, result: Result) -> None:
        if result.status != "killed" and not result.failures:
            shutil.rmtree(self.folder, ignore_errors=True)
        release(self.lock)

    def on_failure(self, error: BaseException) -> None:
        release(self.lock)

    def save(self) -> None:
        """Write the checkpoint of now and remove those before the last two.

        Raises OSError, and CheckpointError if the weights are not all of one step; the last two are then kept.
        """
        if not self.progress.whole:
            steps = ", ".join(map(str, self.progress.worker_steps))
            raise CheckpointError(f"no checkpoint of step {self.progress.step}: the weights' shares are of steps {steps}")
        arrays: Arrays = {"params": self.network.params, "state": self.network.state}
        about = self.about | {"progress": pack(self.progress, "progress", arrays)}
        write_tensors(self.folder / f"step-{self.progress.step:010}.safetensors", about, arrays, durable=True)
        for path in found(self.folder)[KEPT:]:
            path.unlink()


def acquire(lock: FileLock) -> None:
    """Hold ``lock`` until this process lets go of it or ends, however it ends. Raises CheckpointError if another one holds it."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        folder = Path(lock.lock_file).parent
        raise CheckpointError(f"{folder}: another process is still at work on this run") from None


def release(lock: FileLock) -> None:
    """Let go of ``lock``. A folder that holds nothing else is taken away, while nobody else can be in it."""
    folder = Path(lock.lock_file).parent
    if lock.is_locked and not found(folder):
        shutil.rmtree(folder, ignore_errors=True)
    lock.release()


def found(folder: Path) -> list[Path]:
    """The checkpoints in ``folder``, newest first."""
    return sorted(folder.glob("step-*.safetensors"), reverse=True)


def step_of(path: Path) -> int:
    """``step-0000000938.safetensors`` gives 938."""
    return int(path.stem.removeprefix("step-"))


def describe(experiment: Experiment, data: Dataset, mode: Mode) -> dict[str, object]:
    """What a checkpoint must agree with to be gone on from."""
    identity = identify(experiment, data.sha256, data.teacher_sha256)
    return {
        "fingerprint": identity.fingerprint,
        "config": identity.config,
        "inputs": identity.inputs(),
        "numerics": numerics(mode),
    }


def numerics(mode: Mode) -> JsonDict:
    """What the last bits of a result depend on beside experiment and data: the code, the libraries, the processes and threads."""
    libraries = {key: versions()[key] for key in ("mnist-np", "numpy")} | {f"blas {key}": value for key, value in blas().items()}
    return libraries | {"processes": mode.processes, "code_sha256": numeric_sha256()}


def mode_in(about: dict[str, object]) -> Mode | None:
    """The mode that a checkpoint is of; None where it does not say. Old ones name the processes in their config alone."""
    config, found = about.get("config"), about.get("numerics")
    training = config.get("training") if isinstance(config, dict) else None
    before = training.get("processes") if isinstance(training, dict) else None
    if not isinstance(found, dict):
        return None
    return recorded({"processes": found.get("processes", before), "threads": found.get("blas threads")})
