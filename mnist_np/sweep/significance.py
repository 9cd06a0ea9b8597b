"""Statistics of a few seeds: intervals of means, and which configurations do not differ significantly from the best one.

Two configurations are compared by Student's t test of their differences on the seeds that they share (else by Welch's t
test), whose variances are moderated by those of all configurations (`moderation.py`); from six pairs on Wilcoxon's
signed-rank test stands beside it. The best is chosen by the very values that are tested, so Holm's correction is over all pairs
of configurations, not only over those with the best: then the chance to call any of equally good ones worse stays below 5 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnist_np.sweep.moderation import Prior, prior

ALPHA = 0.05

FEWEST_FOR_WILCOXON = 6
"""With fewer pairs it cannot give a p below 5 %."""

MOST_EXACT = 50
"""Pairs up to which Wilcoxon's distribution is counted out."""

POWER = 0.8
"""The chance with which the seeds that are advised show the difference."""

MOST_SEEDS = 1000

Values = Mapping[str, float]
"""Seed -> value of a metric."""


@dataclass(frozen=True)
class Comparison:
    """The best configuration against another one.

    Attributes:
        difference: how much better the best is on average, on the shared seeds if they are ``paired``.
        n: how many pairs there are, or the smaller number of runs.
        paired: whether the differences are those on shared seeds.
        sd: the standard deviation of a difference.
        p: of the t test, two-sided; None where there are too few runs.
        p_wilcoxon: of Wilcoxon's test; None for fewer than `FEWEST_FOR_WILCOXON` pairs.
        p_holm: ``p`` after Holm's correction; 1 where the other one is better on the shared seeds, though not on average: then
            there is no evidence for the best.
    """

    difference: float
    n: int
    paired: bool
    sd: float
    p: float | None = None
    p_wilcoxon: float | None = None
    p_holm: float | None = None

    @property
    def is_significant(self) -> bool:
        """Whether the best is significantly better, at 5 %."""
        return self.p_holm is not None and self.p_holm < ALPHA


def t_quantile(p: float, df: float) -> float:
    """The quantile of Student's t distribution."""
    from scipy.special import stdtrit  # comes with MLflow; takes half a second

    return float(stdtrit(df, p))


def t_survival(t: float, df: float) -> float:
    """The chance of a larger value than ``t`` by Student's t distribution."""
    from scipy.special import stdtr

    return float(stdtr(df, -t))


def interval(mean: float, sd: float | None, n: int) -> tuple[float, float] | None:
    """The 95 % confidence interval of a mean by the t distribution; None for a single value."""
    if sd is None or n < 2:
        return None
    half = t_quantile(1 - ALPHA / 2, n - 1) * sd / math.sqrt(n)
    return mean - half, mean + half


def against_best(configurations: Sequence[Values], sign: int = 1) -> list[Comparison]:
    """Compare the first configuration, which is the best, with each of the others.

    Args:
        configurations: values by seed, from the best mean on.
        sign: 1 where more is better, -1 where less is.
    """
    spreads = [statistics.stdev(values.values()) for values in configurations if len(values) > 1]
    floor = math.sqrt(2 * statistics.fmean(sd * sd for sd in spreads)) if spreads else 0.0
    known = prior([sd * sd for sd in spreads], [len(values) - 1 for values in configurations if len(values) > 1])
    found = [compare(configurations[0], other, sign, floor, known) for other in configurations[1:]]
    testable = sum(len(values) > 1 for values in configurations)
    adjusted = iter(holm([c.p for c in found if c.p is not None], testable * (testable - 1) // 2))
    return [c if c.p is None else replace(c, p_holm=max(next(adjusted), float(c.difference < 0))) for c in found]


def compare(best: Values, other: Values, sign: int = 1, floor: float = 0.0, known: Prior | None = None) -> Comparison:
    """Compare two configurations.

    Args:
        best, other: values by seed.
        sign: 1 where more is better, -1 where less is.
        floor: the sd to take for differences that are all the same by chance.
        known: what all configurations say of the variance.
    """
    known = known or Prior()
    shared = [seed for seed in best if seed in other]
    if len(shared) > 1:
        differences = [sign * (best[seed] - other[seed]) for seed in shared]
        mean, sd, n = statistics.fmean(differences), statistics.stdev(differences), len(shared)
        rounding = 1e-12 * max(abs(value) for value in (*best.values(), *other.values()))
        variance, df = known.moderated((sd if sd > rounding else floor) ** 2, n - 1, values=2)
        sd = math.sqrt(variance)
        p = student(mean, sd / math.sqrt(n), df)
        return Comparison(mean, n, True, sd, p, wilcoxon(differences) if n >= FEWEST_FOR_WILCOXON else None)
    a, b = list(best.values()), list(other.values())
    difference, n = sign * (statistics.fmean(a) - statistics.fmean(b)), min(len(a), len(b))
    if n < 2:
        return Comparison(difference, n, False, 0.0)
    (va, da), (vb, db) = (known.moderated(statistics.variance(x), len(x) - 1) for x in (a, b))
    va, vb = va / len(a), vb / len(b)
    df = (va + vb) ** 2 / (va**2 / da + vb**2 / db) if va + vb else da + db
    error = math.sqrt(va + vb) or floor / math.sqrt(n)
    return Comparison(difference, n, False, math.sqrt((va + vb) * n) or floor, student(difference, error, df))


def student(difference: float, error: float, df: float) -> float:
    """The p of a difference with its standard error. Without any error at all only what is equal is not told apart."""
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return 2 * t_survival(abs(difference / error), df)


def wilcoxon(differences: Sequence[float]) -> float:
    """The two-sided p of the signed-rank test, exact for up to `MOST_EXACT` differences, ties included; zeros are left out."""
    d = np.array([value for value in differences if value], np.float64)
    n = len(d)
    if n == 0:
        return 1.0
    _, place, counts = np.unique(np.abs(d), return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(counts) - counts + 1)[place]  # twice the mean rank: whole numbers
    positive, total = int(doubled[d > 0].sum()), int(doubled.sum())
    least = min(positive, total - positive)
    if n > MOST_EXACT:
        z = (least - total / 2) / math.sqrt(float(np.sum(doubled.astype(np.float64) ** 2)) / 4)
        return math.erfc(-z / math.sqrt(2))
    ways = np.zeros(total + 1)
    ways[0] = 1
    for rank in doubled:  # each rank is that of a positive difference or is not
        ways[rank:] += ways[:-rank].copy()
    return min(1.0, 2 * float(ways[: least + 1].sum()) / 2.0**n)


def mcnemar(better: int, worse: int) -> float:
    """The two-sided p of McNemar's exact test: of ``better + worse`` examples that one of two classifiers alone gets right, each
    is as likely to be the one's as the other's if they are equally good."""
    n = better + worse
    term = total = 1
    for k in range(min(better, worse)):
        term = term * (n - k) // (k + 1)
        total += term
    return min(1.0, total / 2 ** (n - 1)) if n else 1.0


def holm(ps: Sequence[float], m: int) -> list[float]:
    """Holm's adjusted p values of tests that are among ``m``."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        largest = max(largest, min(1.0, (m - rank) * ps[i]))
        adjusted[i] = largest
    return adjusted


def seeds_needed(difference: float, sd: float, m: int) -> int:
    """How many pairs show a ``difference`` between two of ``m`` pairs of configurations, with a chance of `POWER`."""
    for n in range(2, MOST_SEEDS):
        if (t_quantile(1 - ALPHA / 2 / m, n - 1) + t_quantile(POWER, n - 1)) * sd <= difference * math.sqrt(n):
            return n
    return MOST_SEEDS
