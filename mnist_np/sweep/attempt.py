"""A trial of a search with several seeds: its runs, their joint result, and when the remaining seeds are skipped."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mnist_np.sweep.children import Child
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig

if TYPE_CHECKING:
    import optuna

SURE = 3.0
"""Standard errors by which the mean of some seeds must be worse than the best trial's, for the others not to be run."""


@dataclass(eq=False)
class Attempt:
    """A trial, the runs that it takes, one for each seed, and how many of them have been started."""

    trial: optuna.Trial
    jobs: Sequence[tuple[Job, RunConfig]]
    started: int = 0
    is_reported: bool = False
    waits_for: set[str] = field(default_factory=set)

    @property
    def is_started(self) -> bool:
        """Whether no other run of it is to begin."""
        return self.is_reported or self.started == len(self.jobs)


def together(children: Sequence[Child], planned: int) -> Child:
    """The runs of a trial as one: finished with the mean of each metric if all of the ``planned`` are, else as the worst of them.

    A run that is not over makes the trial one that is not over; a failed one makes it failed, and a diverged one diverged.
    """
    for status in ("running", "queued", "killed", "failed", "diverged", "pruned"):
        for child in children:
            if child.status == status:
                return child
    if len(children) == planned == 1:
        return children[0]
    names = set.intersection(*(set(child.metrics) for child in children))
    means = {name: statistics.fmean(child.metrics[name] for child in children) for name in names}
    return replace(children[0], status="finished" if len(children) == planned else "pruned", metrics=means, history=[])


def values_of(children: Sequence[Child], metric: str) -> list[float]:
    """The metric of the finished runs."""
    return [child.metrics[metric] for child in children if child.status == "finished" and metric in child.metrics]


class SeedPruning:
    """Estimates the spread over seeds from complete trials, and decides which trials need no more seeds.

    Args:
        sign: 1 where more is better, -1 where less is.
        seeds: of each trial.
        after: trials that must be complete before any is given up; None gives none up.
    """

    def __init__(self, sign: int, seeds: int, after: int | None) -> None:
        self.sign, self.seeds, self.after = sign, seeds, after
        self.means: list[float] = []
        self.variances: list[float] = []

    def learn(self, values: Sequence[float]) -> None:
        """Take note of a complete trial's values."""
        if len(values) == self.seeds > 1:
            self.means.append(self.sign * statistics.fmean(values))
            self.variances.append(statistics.variance(values))

    def prunes(self, values: Sequence[float]) -> bool:
        """Whether the mean of these seeds is worse than the best complete trial's beyond what seeds explain."""
        if self.after is None or len(self.means) < max(1, self.after) or not 0 < len(values) < self.seeds:
            return False
        error = math.sqrt(statistics.fmean(self.variances) * (1 / len(values) + 1 / self.seeds))
        return max(self.means) - self.sign * statistics.fmean(values) > SURE * error
