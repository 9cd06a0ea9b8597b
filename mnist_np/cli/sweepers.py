"""What our Hydra sweepers share: ``grid`` runs every combination, ``search`` lets Optuna choose. Both validate first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mnist_np.cli.composer import Composer
from mnist_np.cli.launchers import OurLauncher, executor_of
from mnist_np.cli.messages import UsageError, explain
from mnist_np.cli.sweep_file import grids_of, texts_of
from mnist_np.component import ConfigError
from mnist_np.sweep.exclusion import Exclusion
from mnist_np.sweep.executor import Executor
from mnist_np.sweep.job_identity import job_of
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.worker import Task


class ValidatingSweeper(Sweeper):
    """What both sweepers share: the launcher, the parsing of overrides, and composing a job's config."""

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
            return self.compose(all_overrides(fixed, varied))
        except ConfigError as error:
            raise ConfigError(error.key, error.value, f"{error.allowed}{in_combination(varied)}") from error
        except (HydraException, OmegaConfBaseException) as error:
            raise UsageError(f"{explain(error, [*fixed, *texts_of(varied)])}{in_combination(varied)}") from error

    def compose_unless_left_out(self, exclusion: Exclusion, fixed: Sequence[str], varied: Mapping[str, str]) -> RunConfig | None:
        """As `compose_point`; None for a combination that is left out, which need not be possible."""
        return exclusion.unless_left_out(all_overrides(fixed, varied), partial(self.compose_point, fixed, varied))

    def job(self, config: RunConfig, varied: Mapping[str, str]) -> Job:
        """What identifies a combination, for which its data are read; one that these do not allow is named in the error."""
        try:
            return job_of(config, dict(varied), self.digests)
        except ConfigError as error:
            raise ConfigError(error.key, error.value, f"{error.allowed}{in_combination(varied)}") from error

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be run or written."""
        return bool(OmegaConf.select(self.base, "sweep.dry_run", default=False))

    @property
    def workers(self) -> int | None:
        """How many runs are made at a time; None where only the started launcher knows."""
        return self.launcher.workers if isinstance(self.launcher, OurLauncher) else 1

    def start(self) -> Executor[Task]:
        """Make the launcher ready: its workers import while the jobs are composed. Raises ConfigError."""
        return executor_of(self.launcher, self.base.hydra)


def all_overrides(fixed: Sequence[str], varied: Mapping[str, str]) -> list[str]:
    """The overrides of a combination of values."""
    return [*fixed, *(f"{key}={value}" for key, value in varied.items())]


def in_combination(varied: Mapping[str, str]) -> str:
    """Where a mistake is, and how to do without it."""
    if not varied:
        return ""
    where = " ".join(f"{key}={value}" for key, value in varied.items())
    hint = "; sweep.exclude leaves combinations out, sweep.grids gives each option keys of its own" if len(varied) > 1 else ""
    return f" (in the combination {where}{hint})"


def text_of(override: Override) -> str:
    """An override that is no sweep, as it was written."""
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"
