"""Train from Python: an experiment in, its result out; and look at earlier runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console

from mnist_np.console import ConsoleReporter
from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.invocation import default_outputs
from mnist_np.notebook import in_notebook
from mnist_np.storage.interrupted import folder_of
from mnist_np.storage.resume import checkpoint_mode, restorer
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.storage.teacher import load_data
from mnist_np.training.events import Observer
from mnist_np.training.result import Result
from mnist_np.training.run import run as train


def run(
    experiment: Experiment,
    observers: Iterable[Observer] = (),
    interrupted: Callable[[], str | None] = lambda: None,
    data: Dataset | None = None,
    resume_from: str | Path | None = None,
    progress: bool | None = None,
) -> Result:
    """Train as ``experiment`` says and evaluate the chosen weights once on the test split. Writes nothing.

    Args:
        experiment: what to train, on what data, and how.
        observers: called at every event of the training.
        interrupted: asked before each step; a text ends the training there.
        data: spares the loading where the caller has the data already: what ``experiment.data`` would load.
        resume_from: a folder of checkpoints of this same experiment; training continues from the newest.
        progress: whether to print a line per epoch and the result; default: in a notebook.

    Returns:
        The trained network with the weights that validation chose, its history, and its evaluation on the test split.

    Raises:
        ConfigError: a hyperparameter that cannot be.
        CheckpointError: there is no checkpoint of this experiment in ``resume_from``.
    """
    data = load_data(experiment, data=data)
    restore, recorded = None, None
    if resume_from:
        restore, recorded = restorer(Path(resume_from), experiment, data), checkpoint_mode(Path(resume_from))
    if in_notebook() if progress is None else progress:
        plain = Console(highlight=False, force_jupyter=False, force_terminal=False)  # lines of text, in a notebook too
        observers = [*observers, ConsoleReporter(console=plain)]
    return train(experiment, data, observers, interrupted, restore, recorded=recorded)


def load_run(run: str | Path, outputs: str | Path | None = None) -> SavedRun:
    """Find an earlier run.

    Args:
        run: its folder, or its MLflow run id.
        outputs: the folder of all results, in which a run id is looked for; default: MNIST_NP_OUTPUTS, or ``outputs``.

    Returns:
        Its experiment, metrics, history and weights, each read from the run's folder when it is asked for.

    Raises:
        SavedRunError: there is no such run.
    """
    root = Path(outputs or default_outputs())
    folder = folder_of(str(run), root)
    if folder is None:
        raise SavedRunError(f"{run}: no run's folder, and no MLflow run id of a run under {root}")
    return SavedRun(str(run), Path(os.path.abspath(folder)))  # which is read later, maybe from another working directory
