"""One run: the experiment of a config with everything that observes it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from filelock import FileLock

from mnist_np.component import UserError
from mnist_np.console import ConsoleReporter
from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.fingerprint import identify
from mnist_np.nn.network import Network
from mnist_np.storage.checkpoint import Checkpointer, CheckpointError, release
from mnist_np.storage.interrupted import Interrupted, check_not_at_work, choose, claim, held
from mnist_np.storage.resume import checkpoint_mode, restorer
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.teacher import load_data
from mnist_np.sweep.own_observers import make_observers
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.study import pruning_metric
from mnist_np.sweep.study_storage import StudyStorage
from mnist_np.training.events import Observer
from mnist_np.training.interrupt import Interrupt
from mnist_np.training.metric_names import further
from mnist_np.training.result import Result
from mnist_np.training.run import run, untrained

log = logging.getLogger(__name__)


class StaleJobError(UserError):
    """A sweep's job whose inputs are no longer those that it was planned with."""


@dataclass(frozen=True)
class Job:
    """A run that can start: all that can be refused has been checked, and nothing has been written yet.

    Made once, by `prepare`, and handed down: nothing further in loads the data, builds the network or looks for a run to
    continue a second time.

    Attributes:
        config: what was asked for.
        experiment: the part of it that determines the result.
        data: its data, with the teacher's targets where the loss is a distillation.
        network: the untrained network.
        folder: where the run writes.
        resume: the interrupted run that this one continues, whose folder is ``folder``.
    """

    config: RunConfig
    experiment: Experiment
    data: Dataset
    network: Network
    folder: Path
    resume: Interrupted | None = None


def prepare(config: RunConfig, folder: Path) -> Job:
    """Load the data, build the network, and find the interrupted run that ``training.resume`` asks for.

    A sweep's job continues what is in ``folder``, unless that did not measure from the start what the sweep ranks by; a single
    run may continue another one, in its folder.

    Raises:
        ConfigError: a hyperparameter that cannot be, or no such run to continue.
        DataError: data that cannot be used.
        CheckpointError: another process is at work on the run to continue, or on one in ``folder``.
        StaleJobError: a sweep's job has other inputs than when it was planned.
    """
    experiment, outputs = config.experiment, Path(config.outputs)
    data = load_data(experiment, outputs)
    network = untrained(experiment, data)
    identity = identify(experiment, data.sha256, data.teacher_sha256)
    if config.sweep.fingerprint not in (None, identity.fingerprint):
        raise StaleJobError("data, plugins, a teacher or the code have changed since the sweep began; start it again")
    if config.sweep.id:
        ranking = further(config.training, config.sweep.objectives) if len(data.val) else []
        interrupted = claim(folder, identity.fingerprint, ranking)
    else:
        interrupted = choose(config.training.resume, outputs, folder, identity)
    if interrupted is None:
        check_not_at_work(folder)
    return Job(config, experiment, data, network, interrupted.folder if interrupted else folder, interrupted)


def execute(job: Job) -> Result:
    """Train and write everything into the job's folder, and to the tracker that its config names.

    The first SIGINT or SIGTERM ends the training after its step; then status is ``killed``, the signal's name its reason.
    Raises CheckpointError, and has written nothing, if another process is at work in the folder by now.
    """
    lock = job.resume.lock if job.resume else lock_of(job)
    try:
        with Interrupt() as interrupted:
            return train(job, lock, interrupted)
    finally:
        if lock:
            release(lock)


def lock_of(job: Job) -> FileLock | None:
    """The lock of a run that begins, acquired before anything is written; None where nobody keeps checkpoints."""
    training, checkpoints = job.config.training, job.folder / "checkpoints"
    if training.checkpoint_every_epochs or training.checkpoint_every_steps:
        checkpoints.mkdir(parents=True, exist_ok=True)
    return held(job.folder) if checkpoints.exists() else None


def train(job: Job, lock: FileLock | None, interrupted: Interrupt) -> Result:
    """What `execute` does, while this process has the run for itself."""
    experiment, data, network = job.experiment, job.data, job.network
    listeners = observers(job.config, job.folder, lock)
    if job.resume is None:
        return run(experiment, data, listeners, interrupted, network=network)
    try:
        restore = restorer(job.resume.checkpoints, experiment, data)
        return run(experiment, data, listeners, interrupted, restore, network, checkpoint_mode(job.resume.checkpoints))
    except CheckpointError as error:
        if job.config.training.resume not in ("auto", "never"):
            raise
        log.warning("%s; the run begins anew", error)
        return run(experiment, data, listeners, interrupted, network=network)


def observers(config: RunConfig, folder: Path, lock: FileLock | None = None) -> list[Observer]:
    """Who listens to the run: its folder first, whose files the tracker sends; then the console, which says where they are;
    last the checkpoints, which go when all is well. ``lock`` is the run's, where it is held already."""
    listeners: list[Observer] = [RunFolder(folder, config.tracking.draws(child=config.sweep.id is not None))]
    look: list[tuple[str, Callable[[], str]]] = []
    if config.tracking.backend != "off":
        from mnist_np.tracking.journal import registration
        from mnist_np.tracking.observer import MlflowObserver

        sweep = config.sweep
        tags = {"sweep": sweep.id, "sweep_role": "child"} if sweep.id else {}
        name = config.name or sweep.child
        # The sweep's own process has seen the tracker; one that is away since then fails no child.
        tracking = replace(config.tracking, required=False) if sweep.parent else config.tracking
        tracker = MlflowObserver(tracking, Path(config.outputs), folder, name, tags, sweep.parent, separate=not sweep.id)
        listeners.append(tracker)
        if tracking.register is not None:
            look.append(("registered", partial(registration, folder, tracking.register)))
        look.append(("MLflow", tracker.where))
    if config.sweep.study and (metric := pruning_metric(config.sweep)):
        from mnist_np.sweep.pruning import Pruning

        listeners.append(Pruning(StudyStorage.of(config.sweep.search, folder.parent), config.sweep, metric))
    if not config.sweep.id:
        listeners.append(ConsoleReporter(folder, look))
    listeners += make_observers(config.observers, folder)
    training = config.training
    if training.checkpoint_every_epochs or training.checkpoint_every_steps:
        every = training.checkpoint_every_epochs, training.checkpoint_every_steps
        listeners.append(Checkpointer(folder / "checkpoints", *every, lock))
    return listeners
