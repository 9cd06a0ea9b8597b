"""``hydra/sweeper=search``: Optuna proposes the values, learns from each run, and ends poor runs early.

The study lies in the sweep's folder (``study.journal``) or in a database, so the same command goes on where it stopped: what a
killed start left running is the first to go on, in its own folder, from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from hydra.core.override_parser.types import Override

from mnist_np.cli.dry_run import say_search
from mnist_np.cli.launchers import OurLauncher
from mnist_np.cli.objectives import check_objectives
from mnist_np.cli.sweep_file import settings_of
from mnist_np.cli.sweepers import ValidatingSweeper, text_of
from mnist_np.cli.values import space_of, typed, values
from mnist_np.component import ConfigError
from mnist_np.sweep.exclusion import Exclusion
from mnist_np.sweep.executor import Executor, launch
from mnist_np.sweep.job_identity import job_of
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import SEARCH, SweepRunner
from mnist_np.sweep.search import Search
from mnist_np.sweep.space import Point, Space, import_optuna
from mnist_np.sweep.study import check_study, study_name, trials_begun
from mnist_np.sweep.study_storage import StudyStorage
from mnist_np.sweep.worker import Task

OTHERS = 20
"""Random points that are tried with a value before it is refused as impossible."""


class SearchSweeper(ValidatingSweeper):
    """Asks Optuna for each job's values, from ``interval``, ``range``, ``choice``, ``glob`` and ``tag(log, ...)``."""

    def sweep(self, arguments: list[str]) -> Any:
        import_optuna()
        self.refuse_grids()
        overrides = self.parse(arguments)[0]
        varied = {key: override for key, override in overrides.items() if override.is_sweep_override()}
        fixed = [text_of(override) for override in overrides.values() if not override.is_sweep_override()]
        if not varied:
            raise ConfigError(
                "hydra/sweeper", "search", "has nothing to vary: give keys as interval(a,b), range(a,b) or choice(a,b)"
            )
        space = space_of(varied, self.with_types(varied, fixed), self.context.config_loader)
        corners = [self.compose_corner(space, key, corner, fixed) for key, corner in space.corners()]
        base = corners[0]
        check_objectives(corners, needed=True)
        exclusion = Exclusion(base.sweep.exclude)
        for config in corners:
            exclusion.leaves_out([], config.experiment)
        exclusion.check(False)
        executor = self.start_with(base.sweep.search.parallel)
        fingerprints = [job_of(config, {}, self.digests).fingerprint for config in corners]
        planned = int(min(base.sweep.search.trials, space.size)) * base.sweep.search.seeds
        runner = SweepRunner(base, list(varied), [*fixed, SEARCH], planned)
        storage = StudyStorage.of(base.sweep.search, runner.folder.path)
        check_study(storage, base.sweep.search, space)
        if executor is None:
            seeds = base.sweep.search.seeds
            earlier = seeds * trials_begun(storage, runner.folder.path, study_name(base.sweep, space, fingerprints))
            values = {key: typed(override) for key, override in varied.items()}
            say_search(runner, corners, values, self.workers, min(earlier, planned))
            return
        points = [child.overrides for child in runner.folder.children()]
        with storage.needed(), runner:
            storage = storage.owned(runner.folder.path)
            search = Search(runner, storage, space, fingerprints, points, fixed, self.compose, self.digests)
            launch(runner, search.jobs(), executor, search.done)
            search.conclude()

    def refuse_grids(self) -> None:
        """Raise ConfigError for keys that are of grids."""
        for key in ("zip", "grids"):
            if value := getattr(settings_of(self.base), key):
                raise ConfigError(f"sweep.{key}", value, "is for grids: hydra/sweeper=search chooses each value by itself")

    def with_types(self, varied: Mapping[str, Override], fixed: Sequence[str]) -> RunConfig:
        """A config with the keys that vary, for their types: with the first choices, or with none if those exclude each other."""
        loader = self.context.config_loader
        choices = {key: values(override, loader)[0] for key, override in varied.items() if override.is_choice_sweep()}
        try:
            return self.compose_point(fixed, choices)
        except ConfigError:
            with suppress(ConfigError):
                return self.compose(fixed)
            raise

    def compose_corner(self, space: Space, key: str, corner: Point, fixed: Sequence[str]) -> RunConfig:
        """A config with the corner's value of ``key``. Raises what the corner raises if no values beside it are possible."""
        texts = {k: str(value) for k, value in corner.items()}
        try:
            return self.compose_point(fixed, texts)
        except ConfigError:
            rng = np.random.default_rng(0)
            for _ in range(OTHERS):
                others = {k: str(value) for k, value in space.random_point(rng).items()}
                with suppress(ConfigError):
                    return self.compose_point(fixed, others | {key: texts[key]})
            raise

    def start_with(self, parallel: int | None) -> Executor[Task] | None:
        """The started launcher, with as many runs at a time as ``sweep.search.parallel`` says; None for a dry run.

        Raises ConfigError where they are made in turn.
        """
        if parallel and isinstance(self.launcher, OurLauncher):
            self.launcher.workers = parallel
        elif (parallel or 1) > 1:
            raise ConfigError("sweep.search.parallel", parallel, "needs a launcher of several runs, such as hydra/launcher=local")
        return None if self.dry_run else self.start()
