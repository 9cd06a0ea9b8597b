"""``hydra/sweeper=search``: Optuna proposes the values, learns from each run, and ends poor runs early.

The study lies in the sweep's folder (``study.journal``) or in a database, so the same command goes on where it stopped: what a
killed start left running is the first to go on, in its own folder, from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain

import numpy as np
from hydra.core.override_parser.types import Override

from mnist_np.cli.dry_run import say_search
from mnist_np.cli.launchers import OurLauncher
from mnist_np.cli.messages import typed_value
from mnist_np.cli.objectives import check_objectives
from mnist_np.cli.sweep_file import settings_of
from mnist_np.cli.sweepers import ValidatingSweeper, all_overrides, text_of
from mnist_np.cli.values import space_of, values
from mnist_np.component import ConfigError, UserError
from mnist_np.sweep.exclusion import Exclusion
from mnist_np.sweep.executor import Executor, launch
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import SEARCH, SweepRunner
from mnist_np.sweep.search import Search
from mnist_np.sweep.space import ENUMERABLE, Point, Space, import_optuna
from mnist_np.sweep.study import check_study, points_begun, study_name
from mnist_np.sweep.study_storage import StudyStorage
from mnist_np.sweep.worker import Task

OTHERS = 20
"""Random points that are tried with a value before it is refused as impossible, or taken for left out."""


class SearchSweeper(ValidatingSweeper):
    """Asks Optuna for each job's values, from ``interval``, ``range``, ``choice``, ``glob`` and ``tag(log, ...)``."""

    def sweep(self, arguments: list[str]) -> None:
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
        exclusion = Exclusion(settings_of(self.base).exclude)
        found = [self.compose_corner(space, key, corner, fixed, exclusion) for key, corner in space.corners()]
        corners, fingerprints = [corner[0] for corner in found if corner], [corner[1] for corner in found if corner]
        exclusion.check(not corners)
        base = corners[0]
        check_objectives(corners, needed=True)
        executor = self.start_with(base.sweep.search.parallel)
        seeds = base.sweep.search.seeds
        planned = int(min(base.sweep.search.trials, size_of(space, fixed, exclusion))) * seeds
        runner = SweepRunner(base, list(varied), [*fixed, SEARCH], planned)
        storage = StudyStorage.of(base.sweep.search, runner.folder.path)
        check_study(storage, base.sweep.search, space)
        if executor is None:
            name = study_name(base.sweep, space, fingerprints)
            begun = points_begun(storage, runner.folder.path, name) if base.sweep.skip_finished else []
            earlier = seeds * sum(not exclusion.leaves_out_early(all_overrides(fixed, point)) for point in begun)
            values = {key: typed_value(override) for key, override in varied.items()}
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
        """A config with the keys that vary, for their types: with the first choices, or with none if they cannot go together."""
        loader = self.context.config_loader
        choices = {key: values(override, loader)[0] for key, override in varied.items() if override.is_choice_sweep()}
        try:
            return self.compose_point(fixed, choices)
        except UserError:
            with suppress(UserError):
                return self.compose_point(fixed, {})
            raise

    def compose_corner(
        self, space: Space, key: str, corner: Point, fixed: Sequence[str], exclusion: Exclusion
    ) -> tuple[RunConfig, str] | None:
        """A config with the corner's value of ``key``, and its fingerprint; None where all that have it are left out.

        Raises what the first raises that is not left out if no values beside it are possible.
        """
        rng, problem = np.random.default_rng(0), None
        for point in chain([corner], (space.random_point(rng) for _ in range(OTHERS))):
            texts = {k: str(value) for k, value in {**point, key: corner[key]}.items()}
            try:
                if config := self.compose_unless_left_out(exclusion, fixed, texts):
                    return config, self.job(config, texts).fingerprint
            except ConfigError as error:
                problem = problem or error
        if problem:
            raise problem
        return None

    def start_with(self, parallel: int | None) -> Executor[Task] | None:
        """The started launcher, with as many runs at a time as ``sweep.search.parallel`` says; None for a dry run.

        Raises ConfigError where they are made in turn.
        """
        if parallel and isinstance(self.launcher, OurLauncher):
            self.launcher.workers = parallel
        elif (parallel or 1) > 1:
            raise ConfigError("sweep.search.parallel", parallel, "needs a launcher of several runs, such as hydra/launcher=local")
        return None if self.dry_run else self.start()


def size_of(space: Space, fixed: Sequence[str], exclusion: Exclusion) -> float:
    """The number of points without those that are left out, where these can be told from the others by what varies."""
    if not exclusion.conditions or space.size > ENUMERABLE:
        return space.size
    points = ({key: str(value) for key, value in point.items()} for point in space.points())
    return sum(not exclusion.leaves_out_early(all_overrides(fixed, point)) for point in points)
