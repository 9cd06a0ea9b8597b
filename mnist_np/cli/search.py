"""``hydra/sweeper=search``: Optuna proposes the values, learns from each run, and ends poor runs early.

The study lies in the sweep's folder (``study.db``), so the same command goes on where it stopped: what a killed start left
running is the first to go on, in its own folder, from its checkpoint.
"""

from __future__ import annotations

from typing import Any

from mnist_np.cli.local_launcher import LocalLauncher
from mnist_np.cli.objectives import check_objectives
from mnist_np.cli.sweepers import ValidatingSweeper, text_of
from mnist_np.cli.values import space_of, values
from mnist_np.component import ConfigError
from mnist_np.sweep.runner import SweepRunner, job_of
from mnist_np.sweep.search import Search
from mnist_np.sweep.space import import_optuna
from mnist_np.sweep.study import check_study


class SearchSweeper(ValidatingSweeper):
    """Asks Optuna for each job's values, from ``interval``, ``range``, ``choice``, ``glob`` and ``tag(log, ...)``."""

    def sweep(self, arguments: list[str]) -> Any:
        import_optuna()
        overrides = self.parse(arguments)
        varied = {key: override for key, override in overrides.items() if override.is_sweep_override()}
        fixed = [text_of(override) for override in overrides.values() if not override.is_sweep_override()]
        if not varied:
            raise ConfigError(
                "hydra/sweeper", "search", "has nothing to vary: give keys as interval(a,b), range(a,b) or choice(a,b)"
            )
        loader = self.context.config_loader
        first = {key: values(override, loader)[0] for key, override in varied.items() if override.is_choice_sweep()}
        space = space_of(varied, self.compose_point(fixed, first), loader)
        corners = [self.compose_point(fixed, {key: str(value) for key, value in corner.items()}) for corner in space.corners()]
        base = corners[0]
        check_objectives(corners, needed=True)
        self.choose_workers(base.sweep.search.parallel)
        fingerprints = [job_of(config, [], {}, self.digests).fingerprint for config in corners]
        planned = int(min(base.sweep.search.trials, space.size))
        runner = SweepRunner(base, list(varied), [*fixed, "search"], planned)
        study = runner.folder.path / "study.db"
        check_study(study, base.sweep.search, space)
        earlier = [child.overrides for child in runner.folder.children()]
        with runner:
            search = Search(runner, study, space, fingerprints, earlier, fixed, self.compose, self.digests)
            self.launch(runner, search.jobs(), search.done)
            search.conclude()

    def choose_workers(self, parallel: int | None) -> None:
        """As many runs at a time as ``sweep.search.parallel`` says. Raises ConfigError where the launcher has them in turn."""
        self.batch_size = parallel or 1
        if isinstance(self.launcher, LocalLauncher):
            self.launcher.workers = parallel or self.launcher.workers
            self.launcher.start()
        elif self.one_at_a_time and self.batch_size > 1:
            raise ConfigError("sweep.search.parallel", parallel, "needs a launcher of several runs, such as hydra/launcher=local")
