"""What our Hydra sweepers share: ``grid`` runs every combination, ``search`` lets Optuna choose. Both validate first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mnist_np.cli.composer import Composer
from mnist_np.cli.local_launcher import LocalLauncher
from mnist_np.cli.messages import UsageError, explain
from mnist_np.cli.sweep_file import grids_of, texts_of
from mnist_np.component import ConfigError
from mnist_np.serialize import to_dict
from mnist_np.sweep.job import record_failure
from mnist_np.sweep.plan import quoted
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import Ready, SweepRunner
from mnist_np.sweep.worker import Task, run_task

NOTHING_CAME_BACK = "the launcher has ended, but the run left no result: does the machine that it ran on see this outputs folder?"


Ended = Callable[[Ready, str], None]
"""Told of a job that is over, and of what its folder does not tell."""


class ValidatingSweeper(Sweeper):
    """What both sweepers share: the launcher, the parsing of overrides, and composing a job's config."""

    batch_size: int | None = None
    """Jobs that a launcher of others is given at a time; None is all."""

    def __init__(self, params: DictConfig | None = None) -> None:
        """``params`` are what a sweep file varies; they are read where they are needed (see `sweep_file`)."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context: HydraContext = hydra_context
        self.base: DictConfig = config
        self.composer = Composer(hydra_context, config)
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.digests: dict[str, str] = {}

    def parse(self, arguments: Sequence[str]) -> list[dict[str, Override]]:
        """All overrides by key, for each grid. Those of a sweep file come first, so that the command line has the last word.

        ``++key=value`` is ``key=value``: there is no key to add.
        """
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        grids = [[text.removeprefix("++") for text in (*from_file, *arguments)] for from_file in grids_of(self.base)]
        return [{override.get_key_element(): override for override in parser.parse_overrides(grid)} for grid in grids]

    def compose(self, overrides: Sequence[str]) -> RunConfig:
        """The checked config of a job. Raises what a single run would raise."""
        return self.composer(overrides)

    def compose_point(self, fixed: Sequence[str], varied: Mapping[str, str]) -> RunConfig:
        """Compose one combination of values; an impossible one is named in the error, before anything has run."""
        try:
            return self.compose([*fixed, *(f"{key}={value}" for key, value in varied.items())])
        except ConfigError as error:
            raise ConfigError(error.key, error.value, f"{error.allowed}{in_combination(varied)}") from error
        except (HydraException, OmegaConfBaseException) as error:
            raise UsageError(f"{explain(error, [*fixed, *texts_of(varied)])}{in_combination(varied)}") from error

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be run or written."""
        return bool(OmegaConf.select(self.base, "sweep.dry_run", default=False))

    @property
    def workers(self) -> int | None:
        """How many runs are made at a time; None where a launcher of others knows."""
        return self.launcher.workers if isinstance(self.launcher, LocalLauncher) else 1 if self.one_at_a_time else None

    @property
    def one_at_a_time(self) -> bool:
        """Whether the runs are made here, one after the other, which is Hydra's default."""
        return type(self.launcher).__name__ == "BasicLauncher"

    def launch(self, runner: SweepRunner, jobs: Iterable[Ready], done: Callable[[Ready], None] = lambda ready: None) -> None:
        """Run the jobs here, which is Hydra's default, or by the configured launcher, and call ``done`` after each."""

        def ended(ready: Ready, problem: str) -> None:
            runner.end(ready, problem)
            done(ready)

        launching = runner.launching(jobs)
        if self.one_at_a_time:
            self.launch_here(launching, ended, runner.stopped)
        elif isinstance(self.launcher, LocalLauncher):
            self.launch_local(self.launcher, launching, ended, runner.stopped)
        else:
            self.launch_batches(launching, ended, runner.stopped)

    def launch_here(self, jobs: Iterable[Ready], ended: Ended, stopped: Callable[[], bool]) -> None:
        """One after the other in this process. Hydra's own launcher would compose each job again, for 0.2 s."""
        for ready in jobs:
            if stopped():
                return
            ended(ready, run_task(task_of(ready)))
            configure_log(self.base.hydra.hydra_logging, self.base.hydra.verbose)  # the run's log is closed

    def launch_local(self, launcher: LocalLauncher, jobs: Iterable[Ready], ended: Ended, stopped: Callable[[], bool]) -> None:
        """By workers of ours, each of which takes a job when it is free."""
        given: dict[int, Ready] = {}

        def tasks() -> Iterator[Task]:
            for ready in jobs:
                given[ready.number] = ready
                yield task_of(ready)

        launcher.run(tasks(), lambda task, problem: ended(given.pop(task.number), problem), stopped)

    def launch_batches(self, jobs: Iterable[Ready], ended: Ended, stopped: Callable[[], bool]) -> None:
        """By a launcher of others, which takes lists of jobs and composes them where they run."""
        iterator = iter(jobs)
        while not stopped() and (batch := list(islice(iterator, self.batch_size))):
            problem: Exception | None
            try:
                self.launcher.launch([[*ready.overrides, *anywhere(ready)] for ready in batch], initial_job_idx=0)
                problem = None if stopped() else FileNotFoundError(NOTHING_CAME_BACK)
            except Exception as error:  # of the launcher: a job that died with its machine, a cluster that is gone
                problem = error
            for ready in batch:
                missing = problem and not (ready.folder / "result.json").exists()
                ended(ready, record_failure(ready.folder, problem) if problem and missing else "")


def in_combination(varied: Mapping[str, str]) -> str:
    """Where a mistake is, and how to do without it."""
    if not varied:
        return ""
    where = " ".join(f"{key}={value}" for key, value in varied.items())
    hint = "; sweep.exclude leaves combinations out, sweep.grids gives each option keys of its own" if len(varied) > 1 else ""
    return f" (in the combination {where}{hint})"


def task_of(ready: Ready) -> Task:
    """What a worker is told of a job."""
    return Task(ready.number, to_dict(ready.config), str(ready.folder))


def anywhere(ready: Ready) -> list[str]:
    """Overrides by which a job that starts in another folder, and with another environment, finds what this process means."""
    places = {"outputs": Path(ready.config.outputs), "hydra.sweep.dir": ready.folder.parent}
    found = {key: str(path.absolute()) for key, path in places.items()}
    if ready.config.tracking.uri:
        found["tracking.uri"] = ready.config.tracking.uri
    return [f"{key}={quoted(value)}" for key, value in found.items()]


def text_of(override: Override) -> str:
    """An override that is no sweep, as it was written."""
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"
