"""One run: the experiment of a config with everything that observes it."""

from __future__ import annotations

from pathlib import Path

from mnist_np.cli.schemas import RunConfig
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

        listeners.append(MlflowObserver(config.tracking, Path(config.outputs), folder, run_name=config.name))
        look.append(("MLflow", "python scripts/ui.py"))
    return [*listeners, Report(folder, look)]
