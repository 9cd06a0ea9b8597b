"""One run: the experiment of a config with everything that observes it."""

from __future__ import annotations

from pathlib import Path

from mnist_np.cli.config import RunConfig
from mnist_np.console import Report
from mnist_np.experiment import Result, run
from mnist_np.runfolder import RunFolder
from mnist_np.training.events import Observer


def execute(config: RunConfig, folder: Path) -> Result:
    """Train and write everything into ``folder``, and to the tracker that the config names."""
    return run(config.experiment, observers(config, folder))


def observers(config: RunConfig, folder: Path) -> list[Observer]:
    """Who listens to the run: its folder first, whose files the tracker sends; the console last, which says where they are."""
    listeners: list[Observer] = [RunFolder(folder)]
    look = []
    if config.tracking.backend != "off":
        from mnist_np.tracking.observer import MlflowObserver

        sweep = config.sweep
        tags = {"sweep": sweep.id, "sweep_role": "child"} if sweep.id else {}
        name = config.name or sweep.child
        listeners.append(MlflowObserver(config.tracking, Path(config.outputs), folder, name, tags, sweep.parent))
        look.append(("MLflow", "python scripts/ui.py"))
    if config.sweep.trial is not None and config.sweep.search.pruner != "none" and not config.sweep.search.metrics:
        from mnist_np.sweep.study import Pruning

        listeners.append(Pruning(folder.parent / "study.db", config.sweep))
    return listeners if config.sweep.id else [*listeners, Report(folder, look)]
