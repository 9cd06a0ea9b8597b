"""What a sweep's ranking proves, in one sentence."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnist_np.sweep.significance import MOST_SEEDS, Comparison, Values, against_best, seeds_needed

MARK = "≈"
"""Shown beside the rank of a configuration that does not differ significantly from the best."""

POINTS = {0.001: "0.1 pp", 0.01: "1 pp", 0.1: "10 pp"}
"""Differences of accuracies and errors that advice is given for: the first that does not take `MOST_SEEDS`."""

SHARES = ("accuracy", "error", "top3", "f1")
"""Ends of the names of metrics that are shares of the examples."""


@dataclass(frozen=True)
class Verdict:
    """The configurations that have the metric, from the best on, and the comparison of the best with each of the others."""

    metric: str
    configurations: Sequence[Values]
    comparisons: Sequence[Comparison]

    @staticmethod
    def of(metric: str, configurations: Sequence[Values], sign: int) -> Verdict:
        return Verdict(metric, configurations, against_best(configurations, sign) if configurations else ())

    @property
    def tied(self) -> list[int]:
        """The ranks, from 2 on, of those that do not differ significantly from the best."""
        return [rank for rank, comparison in enumerate(self.comparisons, start=2) if not comparison.is_significant]

    def mark(self, rank: int) -> str:
        """What stands beside a rank: `MARK`, or nothing where all or none are marked for want of seeds."""
        return MARK if self.is_tested and rank in self.tied else ""

    @property
    def is_tested(self) -> bool:
        """Whether there are two configurations or more, and enough runs to compare some of them."""
        return any(comparison.p is not None for comparison in self.comparisons)

    def sentence(self) -> str:
        """``the first 3 of 24 cannot be told apart at 5 % (n = 3); about 8 seeds each would tell a difference of 0.1 pp``."""
        if not self.comparisons:
            return ""
        if not self.is_tested:
            return "which is better is not known: it takes several seeds of each, such as 'seed=range(5)'"
        k, tied = len(self.configurations), self.tied
        how = f"at 5 % ({self.counts()})"
        if not tied:
            return f"the first of {k} is better than {'the other' if k == 2 else 'each of the others'} {how}"
        if tied == list(range(2, len(tied) + 2)):
            first = f"the first {len(tied) + 1} of {k}" if len(tied) + 1 < k or k > 2 else "the two"
            said = f"{first} cannot be told apart {how}"
        else:
            said = f"{len(tied)} of the others ({MARK}) cannot be told from the first {how}"
        return f"{said}{self.advice()}"

    def counts(self) -> str:
        """``n = 3``, ``n = 2 to 5``; ``n = 5, of which 2 in pairs`` where some are compared by a part of their runs."""
        best, *others = self.configurations
        compared = zip(self.comparisons, others, strict=True)
        pairs = [c.n for c, other in compared if c.paired and c.n < min(len(best), len(other))]
        return f"n = {extent(map(len, self.configurations))}{f', of which {extent(pairs)} in pairs' if pairs else ''}"

    def advice(self) -> str:
        """How many seeds would tell a small difference, judged by the spread of those that cannot be told apart."""
        spreads = [self.comparisons[rank - 2].sd for rank in self.tied if self.comparisons[rank - 2].p is not None]
        sd = statistics.median(spreads) if spreads else 0.0
        best = statistics.fmean(self.configurations[0].values())
        differences = POINTS if self.metric.endswith(SHARES) else {abs(best) / 100: f"{abs(best) / 100:.2g} (1 %)"}
        if sd == 0 or not math.isfinite(sd) or best == 0:
            return ""
        k = len(self.configurations)
        for difference, text in differences.items():
            if (n := seeds_needed(difference, sd, k * (k - 1) // 2)) < MOST_SEEDS:
                return f"; about {n} seeds each would tell a difference of {text}"
        return ""


def extent(numbers: Iterable[int]) -> str:
    """``3``, ``2 to 5``."""
    found = sorted(numbers)
    return f"{found[0]}" if found[0] == found[-1] else f"{found[0]} to {found[-1]}"
