"""Our Hydra sweepers: ``grid`` runs every combination, ``search`` lets Optuna choose. Both validate before they run anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mnist_np.cli.arguments import refuse_sweeps_without_effect
from mnist_np.cli.composer import Composer
from mnist_np.cli.dry_run import say_jobs
from mnist_np.cli.local_launcher import LocalLauncher
from mnist_np.cli.objectives import check_objectives
from mnist_np.cli.sweep_size import n_values
from mnist_np.cli.values import values
from mnist_np.component import ConfigError
from mnist_np.serialize import to_dict
from mnist_np.sweep.job import record_failure
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import Ready, SweepRunner, job_of, quoted
from mnist_np.sweep.worker import Task, run_task

NOTHING_CAME_BACK = "the launcher has ended, but the run left no result: does the machine that it ran on see this outputs folder?"


Ended = Callable[[Ready, str], None]
"""Told of a job that is over, and of what its folder does not tell."""


class ValidatingSweeper(Sweeper):
    """What both sweepers share: the launcher, the parsing of overrides, and composing a job's config."""

    batch_size: int | None = None
    """Jobs that a launcher of others is given at a time; None is all."""

    def __init__(self, params: DictConfig | None = None) -> None:
        self.params: Mapping[Any, Any] = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context: HydraContext = hydra_context
        self.base: DictConfig = config
        self.composer = Composer(hydra_context, config)
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.digests: dict[str, str] = {}

    def parse(self, arguments: Sequence[str]) -> dict[str, Override]:
        """All overrides by key, those of a sweep file first, so that the command line has the last word."""
        from_file = [f"{key!s}={value!s}" for key, value in self.params.items()]
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        overrides = {override.get_key_element(): override for override in parser.parse_overrides([*from_file, *arguments])}
        refuse_sweeps_without_effect(overrides.values())
        return overrides

    def compose(self, overrides: Sequence[str]) -> RunConfig:
        """The checked config of a job. Raises what a single run would raise."""
        return self.composer(overrides)

    def compose_point(self, fixed: Sequence[str], varied: Mapping[str, str]) -> RunConfig:
        """Compose one combination of values; an impossible one is named in the error, before anything has run."""
        try:
            return self.compose([*fixed, *(f"{key}={value}" for key, value in varied.items())])
        except ConfigError as error:
            where = " ".join(f"{key}={value}" for key, value in varied.items())
            raise ConfigError(error.key, error.value, f"{error.allowed} (in the combination {where})") from error

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


class GridSweeper(ValidatingSweeper):
    """Every combination of the values given: ``choice``, ``range``, lists and globs of Hydra's grammar."""

    def sweep(self, arguments: list[str]) -> Any:
        if isinstance(self.launcher, LocalLauncher) and not self.dry_run:
            self.launcher.start()  # the workers import while the jobs are composed
        overrides = self.parse(arguments)
        fixed = [text_of(override) for override in overrides.values() if not override.is_sweep_override()]
        loader = self.context.config_loader
        axes = {key: values(override, loader) for key, override in overrides.items() if override.is_sweep_override()}
        jobs: dict[str, tuple[Job, RunConfig]] = {}
        for combination in product(*axes.values()):
            varied = dict(zip(axes, combination, strict=True))
            config = self.compose_point(fixed, varied)
            job = [*fixed, *(f"{key}={value}" for key, value in varied.items())]
            made = job_of(config, job, varied, self.digests)
            jobs.setdefault(made.fingerprint, (made, config))
        if len(jobs) < (n := prod(max(len(axes[key]), n_values(overrides[key])) for key in axes)):
            print(f"{n} combinations, {len(jobs)} different: those with the same result run once")
        check_objectives([config for _, config in jobs.values()], needed=False)
        base = next(iter(jobs.values()))[1]
        runner = SweepRunner(base, list(axes), fixed, len(jobs))
        if self.dry_run:
            say_jobs(runner, list(jobs.values()), self.workers)
            return
        with runner:
            ready = [runner.ready(job, config) for job, config in jobs.values()]
            self.launch(runner, [job for job in ready if job])


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
