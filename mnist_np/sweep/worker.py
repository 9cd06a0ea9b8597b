"""What a worker process does with a job of a sweep. The fork server imports this once, and with it all that a run needs."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_np.component import JsonDict
from mnist_np.engine.threads import blas_threads
from mnist_np.experiment import Experiment
from mnist_np.fingerprint import parts
from mnist_np.plugins import PREFIX, load_plugins
from mnist_np.serialize import from_dict
from mnist_np.source_code import edited_sha256, git, numeric_sha256
from mnist_np.sweep.job import record_failure, run_child
from mnist_np.sweep.run_config import RunConfig

# Now, in the fork server: the workers run the code that it has imported, whatever becomes of the files.
git(), edited_sha256(), numeric_sha256()


@dataclass(frozen=True)
class Task:
    """A run to do: its number in this start of the sweep, its config as plain data (`serialize.to_dict`), and its folder.

    ``modules`` are those of the user that register what the config names, beside its plugins.
    """

    number: int
    config: JsonDict
    folder: str
    modules: tuple[str, ...] = ()


def own_modules(experiment: Experiment) -> tuple[str, ...]:
    """The modules, other than plugins, that define what of the user's own an experiment uses, for a worker to import.

    A script is not among them: a worker has run it already.
    """
    names = {part.__module__ for _, part in parts(experiment)} - {"__main__"}
    return tuple(sorted(name for name in names if not name.startswith(("mnist_np.", PREFIX))))


def run_task(task: Task, stops_sweep: bool = True) -> str:
    """Do the run; the folder tells what came of it. Gives what could not be written there, or nothing.

    ``stops_sweep``: whether a signal is meant for the whole sweep.
    """
    folder = Path(task.folder)
    try:
        log_to(folder / "run.log")
        load_plugins(task.config["plugins"])
        for name in task.modules:  # after the plugins, which may have made the place known where a module lies
            importlib.import_module(name)
        config = from_dict(RunConfig, task.config)
    except Exception as error:
        return record_failure(folder, error)
    return run_child(config, folder, stops_sweep)


def with_whole_paths(task: Task) -> Task:
    """The task for a process that starts in another folder."""
    outputs = os.path.abspath(task.config["outputs"])
    return replace(task, config=task.config | {"outputs": outputs}, folder=os.path.abspath(task.folder))


def run_elsewhere(task: Task, folder: str, threads: int) -> str:
    """Do the run on a machine of a cluster, whose signals are meant for its own processes only.

    Args:
        task: the run, with whole paths.
        folder: where the sweep was started; other relative paths are of there, if this machine has it.
        threads: of BLAS.

    Raises:
        FileNotFoundError: this machine does not have the sweep's folder.
    """
    sweep = Path(task.folder).parent
    if not sweep.is_dir():
        raise FileNotFoundError(f"{socket.gethostname()} does not see {sweep}: outputs must be of a file system that all share")
    if os.path.isdir(folder):
        os.chdir(folder)
    with blas_threads(threads):
        return run_task(task, stops_sweep=False)


def log_to(path: Path) -> None:
    """Put warnings into ``path``, which is made when there is one: the terminal belongs to the sweep's table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
