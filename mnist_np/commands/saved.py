"""Earlier runs, found by folder, by weights file or by MLflow run id."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path

from mnist_np.component import UserError
from mnist_np.invocation import default_outputs
from mnist_np.plugins import load_plugins
from mnist_np.serialize import to_dict
from mnist_np.storage.interrupted import folder_of
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.storage.weights import Weights, load_weights
from mnist_np.terminal import print_error

FILES = ("config.yaml", "history.csv", "weights.safetensors", "result.json")
"""What is asked of MLflow for a run that has no folder here."""


@contextmanager
def saved_run(name: str, outputs: Path, uri: str | None = None) -> Iterator[SavedRun]:
    """The run of a folder or an MLflow run id. One that MLflow alone has is fetched for the time of the block.

    Raises SavedRunError, TrackingError.
    """
    folder = folder_of(name, outputs)
    if folder:
        yield SavedRun(name, folder)
        return
    from mnist_np.tracking.fetch import fetch
    from mnist_np.tracking.settings import Tracking
    from mnist_np.tracking.store import store_of

    store = store_of(Tracking(backend="server" if uri else "sqlite", uri=uri), outputs)
    if store.database is not None and not os.path.exists(store.database):
        raise SavedRunError(f"{name}: no run's folder, and no MLflow run id of a run under {outputs}")
    with tempfile.TemporaryDirectory() as temporary:
        fetch(store, name, FILES, Path(temporary))
        yield SavedRun(name, Path(temporary))


@contextmanager
def saved_weights(name: str, outputs: Path, uri: str | None = None) -> Iterator[Weights]:
    """The weights of a weights file, a run's folder or an MLflow run id. Raises WeightsError, SavedRunError, TrackingError."""
    if os.path.isfile(name):
        yield load_weights(Path(name))
        return
    with saved_run(name, outputs, uri) as run:
        yield with_places(load_weights(run.weights_file), run)


def with_places(weights: Weights, run: SavedRun) -> Weights:
    """The weights, with the run's own config where it is the same experiment: it says where the data lie, which they do not."""
    try:
        experiment = run.experiment
    except SavedRunError:
        return weights
    same = to_dict(experiment, only_effective=True) == to_dict(weights.experiment, only_effective=True)
    return replace(weights, experiment=experiment) if same else weights


def basic_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument that all commands share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path(default_outputs())
    made.add_argument("--outputs", type=Path, default=folder, metavar="DIR", help="the folder of all results (%(default)s)")
    return made


def parser(description: str | None, run: str, optional: bool = False) -> argparse.ArgumentParser:
    """The arguments that all commands on earlier runs share; ``run`` says what the first may be."""
    made = basic_parser(description)
    made.add_argument("run", metavar="RUN", nargs="?" if optional else None, help=run)
    made.add_argument("--uri", help="the MLflow server to ask (default: the SQLite store in outputs)")
    made.add_argument("--plugin", action="append", default=[], metavar="FILE", help="a Python file with components of your own")
    return made


def reports_user_errors(command: Callable[[], int]) -> Callable[[], int]:
    """Make a user's mistake in ``command`` one line and exit code 2."""

    @wraps(command)
    def run() -> int:
        try:
            return command()
        except UserError as error:
            print_error(str(error))
        except OSError as error:
            if error.filename is None:
                raise
            print_error(f"{error.filename}: {error.strerror}")
        except MemoryError as error:
            print_error(f"there is not enough memory: {error}")
        return 2

    return run


def plugins(arguments: argparse.Namespace) -> None:
    """Load what ``--plugin`` names."""
    load_plugins(arguments.plugin)
