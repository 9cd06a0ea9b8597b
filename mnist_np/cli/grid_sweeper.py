"""``hydra/sweeper=grid``, the default: every combination of the values given, of one grid or of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hydra.core.override_parser.types import Override, RangeSweep

from mnist_np.cli.dry_run import say_jobs
from mnist_np.cli.messages import typed_value
from mnist_np.cli.objectives import check_objectives
from mnist_np.cli.sweep_file import settings_of
from mnist_np.cli.sweepers import ValidatingSweeper, text_of
from mnist_np.cli.values import all_values
from mnist_np.component import ConfigError
from mnist_np.sweep.exclusion import Exclusion
from mnist_np.sweep.executor import launch
from mnist_np.sweep.grid import check_groups, points, written_as
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import SweepRunner
from mnist_np.terminal import counted


@dataclass(frozen=True)
class Point:
    """A combination of values: the overrides that all points share, and this one's own by key."""

    fixed: Sequence[str]
    varied: dict[str, str]


class GridSweeper(ValidatingSweeper):
    """Every combination of the values that overrides, ``sweep.zip`` and ``sweep.grids`` name, each result once."""

    def sweep(self, arguments: list[str]) -> None:
        executor = None if self.dry_run else self.start()
        fixed, found = self.points(arguments)
        jobs = self.compose_all(found)
        check_objectives([config for _, config in jobs.values()], needed=False)
        base = next(iter(jobs.values()))[1]
        varied = list(dict.fromkeys(key for point in found for key in point.varied))
        runner = SweepRunner(base, varied, fixed, len(jobs))
        if executor is None:
            say_jobs(runner, list(jobs.values()), self.workers)
            return
        with runner:
            ready = [runner.ready(job, config) for job, config in jobs.values()]
            launch(runner, [job for job in ready if job], executor)

    def points(self, arguments: Sequence[str]) -> tuple[list[str], list[Point]]:
        """The overrides that all jobs share, and every combination of every grid as often as it is named."""
        grids, settings = self.parse(arguments), settings_of(self.base)
        single = [{key: text_of(o) for key, o in grid.items() if not o.is_sweep_override()} for grid in grids]
        shared = [key for key, text in single[0].items() if all(grid.get(key) == text for grid in single)]
        fixed = [single[0][key] for key in shared]
        axes = [{key: self.values_of(o) for key, o in grid.items() if key not in shared} for grid in grids]
        check_groups(axes, settings.zip)
        return fixed, [Point(fixed, varied) for grid in axes for varied in points(grid, settings.zip)]

    def values_of(self, override: Override) -> list[str]:
        """The values of a key in a grid: one, or several. Raises ConfigError."""
        if override.is_sweep_override():
            value = override.value()
            if isinstance(value, RangeSweep) and "log" in value.tags:
                reason = "a grid has its values on a logarithmic scale from logspace(a,b,n); tag(log, ...) is a search's"
                raise ConfigError(override.get_key_element(), typed_value(override), reason)
            return all_values(override, self.context.config_loader)
        return [text_of(override).partition("=")[2]]

    def compose_all(self, found: Sequence[Point]) -> dict[str, tuple[Job, RunConfig]]:
        """The jobs of the points, each result once, without those that ``sweep.exclude`` leaves out. Raises ConfigError."""
        exclusion = Exclusion(settings_of(self.base).exclude)
        jobs: dict[str, tuple[Job, RunConfig]] = {}
        first: dict[str, dict[str, str]] = {}  # how the values of each group were written first
        left = 0
        for varied, times in Counter(tuple(point.varied.items()) for point in found).items():
            point = Point(found[0].fixed, dict(varied))
            if config := self.compose_unless_left_out(exclusion, point.fixed, point.varied):
                job = self.job(config, point.varied)
                job = replace(job, varied=written_as(first.setdefault(job.group, point.varied), job.varied))
                jobs.setdefault(job.fingerprint, (job, config))
                left += times
        exclusion.check(not jobs)
        if exclusion.conditions:
            print(f"sweep.exclude leaves out {len(found) - left or 'none'} of {counted(len(found), 'combination')}")
        if len(jobs) < left:
            print(f"{counted(left, 'combination')}, {len(jobs)} different: those with the same result run once")
        return jobs
