"""One run: the experiment of a config with everything that observes it."""

from __future__ import annotations

import logging
from pathlib import Path

from filelock import FileLock

from mnist_np.cli.config import RunConfig
from mnist_np.console import Report
from mnist_np.experiment import Result, run
from mnist_np.nn.losses import Distillation
from mnist_np.runfolder import RunFolder
from mnist_np.serialize import fingerprint
from mnist_np.teacher import taught
from mnist_np.training.checkpoint import Checkpointer, CheckpointError
from mnist_np.training.events import Observer
from mnist_np.training.interrupt import Interrupt
from mnist_np.unfinished import Interrupted, choose, claim

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
    data = experiment.load_data()
    if isinstance(experiment.loss, Distillation):
        data = taught(data, experiment, Path(config.outputs))
    with Interrupt() as interrupted:
        if before is None:
            return run(experiment, observers(config, folder), interrupted, data)
        listeners = observers(config, before.folder, before.lock)
        try:
            return run(experiment, listeners, interrupted, data, before.checkpoints)
        except CheckpointError as error:
            if config.training.resume not in ("auto", "never"):
                before.lock.release()
                raise
            log.warning("%s; the run begins anew", error)
            return run(experiment, listeners, interrupted, data)


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
        listeners.append(Report(folder, look))
    training = config.training
    if training.checkpoint_every_epochs or training.checkpoint_every_steps:
        every = training.checkpoint_every_epochs, training.checkpoint_every_steps
        listeners.append(Checkpointer(folder / "checkpoints", *every, lock))
    return listeners
