"""One run: the experiment of a config with everything that observes it."""

from __future__ import annotations

import logging
from pathlib import Path

from filelock import FileLock

from mnist_np.console import ConsoleReporter
from mnist_np.serialize import fingerprint
from mnist_np.storage.checkpoint import Checkpointer, CheckpointError
from mnist_np.storage.interrupted import Interrupted, choose, claim
from mnist_np.storage.resume import restorer
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.teacher import load_data
from mnist_np.sweep.run_config import RunConfig
from mnist_np.training.events import Observer
from mnist_np.training.interrupt import Interrupt
from mnist_np.training.result import Result
from mnist_np.training.run import run

log = logging.getLogger(__name__)


def to_go_on_with(config: RunConfig, folder: Path) -> Interrupted | None:
    """The interrupted run that ``training.resume`` asks to go on with; a sweep's job goes on with what is in ``folder``."""
    identity = fingerprint(config.experiment, config.experiment.load_data().sha256)
    if config.sweep.id:
        return claim(folder, identity)
    return choose(config.training.resume, Path(config.outputs), folder, identity)


def execute(config: RunConfig, folder: Path, before: Interrupted | None = None) -> Result:
    """Train and write everything into ``folder``, and to the tracker that the config names; or go on with the run ``before``.

    The first SIGINT or SIGTERM ends the training after its step; then status is ``killed``, the signal's name its reason.
    """
    experiment = config.experiment
    data = load_data(experiment, Path(config.outputs))
    with Interrupt() as interrupted:
        if before is None:
            return run(experiment, data, observers(config, folder), interrupted)
        listeners = observers(config, before.folder, before.lock)
        try:
            return run(experiment, data, listeners, interrupted, restorer(before.checkpoints, experiment, data))
        except CheckpointError as error:
            if config.training.resume not in ("auto", "never"):
                before.lock.release()
                raise
            log.warning("%s; the run begins anew", error)
            return run(experiment, data, listeners, interrupted)


def observers(config: RunConfig, folder: Path, lock: FileLock | None = None) -> list[Observer]:
    """Who listens to the run: its folder first, whose files the tracker sends; then the console, which says where they are;
    last the checkpoints, which go when all is well. ``lock`` is the run's, where it is held already."""
    listeners: list[Observer] = [RunFolder(folder, config.tracking.figures)]
    look = []
    if config.tracking.backend != "off":
        from mnist_np.tracking.observer import MlflowObserver

        sweep = config.sweep
        tags = {"sweep": sweep.id, "sweep_role": "child"} if sweep.id else {}
        name = config.name or sweep.child
        tracker = MlflowObserver(config.tracking, Path(config.outputs), folder, name, tags, sweep.parent)
        listeners.append(tracker)
        look.append(("MLflow", tracker.where))
    if config.sweep.trial is not None and config.sweep.search.pruner != "none" and not config.sweep.search.metrics:
        from mnist_np.sweep.study import Pruning

        listeners.append(Pruning(folder.parent / "study.db", config.sweep))
    if not config.sweep.id:
        listeners.append(ConsoleReporter(folder, look))
    training = config.training
    if training.checkpoint_every_epochs or training.checkpoint_every_steps:
        every = training.checkpoint_every_epochs, training.checkpoint_every_steps
        listeners.append(Checkpointer(folder / "checkpoints", *every, lock))
    return listeners
