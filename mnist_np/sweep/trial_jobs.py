"""The runs of a search's trials: what a point of the space is as a run, or as one for each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from mnist_np.component import ConfigError
from mnist_np.sweep.exclusion import Exclusion
from mnist_np.sweep.job_identity import job_of
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.space import Point


@dataclass(frozen=True)
class TrialJobs:
    """Makes the runs at a point.

    Attributes:
        config: what all runs share; its seed is the first of several.
        study: the name of the study.
        fixed: the overrides that all runs share.
        compose: gives the checked config of overrides.
        digests: the data's digests that are known already (see `job_of`).
    """

    config: RunConfig
    study: str
    fixed: Sequence[str]
    compose: Callable[[Sequence[str]], RunConfig]
    digests: dict[str, str]

    def __call__(self, point: Point, number: int | None = None) -> list[tuple[Job, RunConfig]]:
        """The runs at a point, as the trial ``number``. Raises ConfigError where its values cannot go together."""
        n, first = self.config.sweep.search.seeds, self.config.seed
        return [self.job(point, number, first + i if n > 1 else None) for i in range(n)]

    @cached_property
    def exclusion(self) -> Exclusion:
        """Which points are left out."""
        return Exclusion(self.config.sweep.exclude)

    def job(self, point: Point, number: int | None, seed: int | None) -> tuple[Job, RunConfig]:
        """A run at a point, with a seed of its own where there are several."""
        varied = {key: str(value) for key, value in point.items()} | ({} if seed is None else {"seed": str(seed)})
        fixed = [text for text in self.fixed if seed is None or not text.startswith("seed=")]
        overrides = [*fixed, *(f"{key}={value}" for key, value in varied.items())]
        config = self.exclusion.unless_left_out(overrides, partial(self.compose, overrides))
        if config is None:
            raise ConfigError("sweep.exclude", self.config.sweep.exclude, f"leaves out {' '.join(overrides[len(fixed) :])}")
        config.sweep.trial, config.sweep.study = number, self.study
        return job_of(config, varied, self.digests), config
