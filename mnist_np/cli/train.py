"""``train``: one run, or with ``-m`` a sweep. Hydra composes; nothing is made before the config and the data are checked."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig

    from mnist_np.sweep.single import Job
    from mnist_np.training.result import Result

OK, FAILED, MISTAKEN = 0, 1, 2
"""Exit codes: done; what was begun went wrong; what was asked for cannot be. An interrupted run gives 128 + the signal."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the process's own) and give the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    words = [word for word in argv if not word.startswith("-")]
    if "--help" in argv or "-h" in argv:
        from mnist_np.cli.help import train_page

        print(train_page(words))
        return OK
    gc.disable()  # what is imported and composed stays: to search it for garbage takes a tenth of the start
    try:
        return guarded(lambda: train(argv), words)
    finally:
        gc.enable()


def guarded(command: Callable[[], int], words: list[str]) -> int:
    """The exit code of ``command``. A user's mistake becomes a line or two, in which ``words`` are what was typed."""
    try:
        return explained(command, words)
    except MemoryError as error:
        sys.stderr.write(f"error: there is not enough memory. {error}\n")
    except ImportError as error:  # the parts of NumPy and others are mapped into memory
        if "failed to map" not in str(error) and "cannot allocate" not in str(error).lower():
            raise
        sys.stderr.write(f"error: there is not enough memory. {error}\n")
    return FAILED


def explained(command: Callable[[], int], words: list[str]) -> int:
    """What `guarded` does, as long as there is the memory for it."""
    from mnist_np.cli.messages import explain
    from mnist_np.component import RunFailed
    from mnist_np.terminal import print_error

    logging.raiseExceptions = False  # a log file on a full disk must not cover the message with tracebacks
    try:
        return command()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + Signals.SIGINT
    except RunFailed as error:
        print_error(str(error))
        return FAILED
    except Exception as error:
        message = explain(error, words)
        if message is None and isinstance(error, OSError) and error.filename:
            print_error(f"{error.filename}: {error.strerror}")
            return FAILED
        if message is None:
            raise
        print_error(message)
        return MISTAKEN


def train(argv: list[str]) -> int:
    """What `main` does, with exceptions for mistakes."""
    from hydra.types import RunMode

    from mnist_np.cli.arguments import parse, plugins_of
    from mnist_np.cli.compose import compose
    from mnist_np.cli.messages import reading
    from mnist_np.cli.schemas import store_schemas
    from mnist_np.plugins import load_plugins

    args = parse(argv)
    if args.shell_completion:
        from mnist_np.cli.complete import answer

        return answer(args.overrides)
    load_plugins(plugins_of(args.overrides))
    store_schemas()
    if args.info or args.hydra_help:
        from mnist_np.cli.app import show_info

        with reading(argv):
            return show_info([word for word in argv if word not in args.overrides] + args.overrides)
    with reading(args.overrides):
        config = compose(args)
    if args.cfg:
        from mnist_np.cli.show import config_text

        print(config_text(config, args))
        return OK
    return sweep(config) if config.hydra.mode == RunMode.MULTIRUN else single_run(config, argv)


def single_run(composed: DictConfig, argv: Sequence[str]) -> int:
    """One run: check the config and the data, and only then let Hydra make the run's folder and go."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.utils import run_job
    from omegaconf import OmegaConf, read_write

    from mnist_np.cli.compose import context, to_run_config, without_hydra
    from mnist_np.cli.messages import UsageError
    from mnist_np.component import ConfigError
    from mnist_np.sweep.single import prepare

    HydraConfig.instance().set_config(composed)
    config = to_run_config(without_hydra(composed))
    if config.sweep.dry_run:
        raise ConfigError("sweep.dry_run", True, "is of a sweep: vary a key (seed=0,1) and add -m; --cfg job shows a single run")
    job = prepare(config, Path(OmegaConf.select(composed, "hydra.run.dir")).absolute())
    with read_write(composed.hydra):
        composed.hydra.run.dir = str(job.folder.absolute())  # it may be that of the run to continue
    gc.enable()
    try:
        outcome = run_job(lambda _: attempt(job), composed, "hydra.run.dir", None, context()).return_value
    except OSError as error:
        raise UsageError(f"hydra.run.dir={job.folder}: {error.strerror}") from error
    finally:
        remove_if_empty(job.folder.absolute(), Path(config.outputs).absolute())
    if isinstance(outcome, Exception):
        raise outcome
    if outcome.status == "killed":
        say_how_to_continue(job.folder, argv)
    return exit_code(outcome, job.folder)


def say_how_to_continue(folder: Path, argv: Sequence[str]) -> None:
    """After an interruption: the command that goes on with the run, if it left a checkpoint."""
    from mnist_np.invocation import command
    from mnist_np.storage.checkpoint import found

    if found(folder / "checkpoints"):
        words = [word for word in argv if not word.startswith("training.resume=")]
        print(f"interrupted; this goes on with it: {command('train', *words, 'training.resume=auto')}", file=sys.stderr)


def sweep(composed: DictConfig) -> int:
    """Hand over to the sweeper that the config names."""
    gc.enable()
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.plugins import Plugins
    from hydra.core.utils import configure_log

    from mnist_np.cli.app import task
    from mnist_np.cli.compose import context
    from mnist_np.cli.plugins import register_plugins
    from mnist_np.sweep.ending import SweepFailed

    register_plugins()
    HydraConfig.instance().set_config(composed)
    configure_log(composed.hydra.hydra_logging, composed.hydra.verbose)
    sweeper = Plugins.instance().instantiate_sweeper(hydra_context=context(), task_function=task, config=composed)
    try:
        sweeper.sweep(list(composed.hydra.overrides.task))
    except SweepFailed as failed:
        print(failed, file=sys.stderr)
        return failed.code
    return OK


def attempt(job: Job) -> Result | Exception:
    """The job's result, or what went wrong: an exception that passes through Hydra would be printed by it."""
    from mnist_np.sweep.single import execute

    try:
        return execute(job)
    except Exception as error:
        return error


def remove_if_empty(folder: Path, outputs: Path) -> None:
    """Take the folder of a run that never began away again, and those above it that were made for it."""
    with suppress(OSError):  # not empty, or not there
        while folder == outputs or outputs in folder.parents:
            folder.rmdir()
            folder = folder.parent


def exit_code(result: Result, folder: Path) -> int:
    """What the shell is told of the run in ``folder``. What went wrong beside the training is said once more, now that nothing
    follows it."""
    for failure in result.failures:
        print(f"error: the training has finished, but {failure}", file=sys.stderr)
    if result.failures:
        print(remedy(folder), file=sys.stderr)
    if result.status == "killed":
        return 128 + Signals[result.reason]
    return FAILED if result.status == "diverged" or result.failures else OK


def remedy(folder: Path) -> str:
    """What to do about a run whose training is whole while something else of it was lost."""
    from mnist_np.storage.checkpoint import found

    if found(folder / "checkpoints"):
        return "The same command with training.resume=auto writes what is missing, once the cause is gone."
    if (folder / "result.json").exists() and (folder / "weights.safetensors").exists():
        return "Result and weights are there. There is no checkpoint to make the rest from."
    return "There is no checkpoint to go on from: train it again, once the cause is gone."
