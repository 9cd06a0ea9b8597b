"""Variances of a few seeds, shrunk towards those of all configurations: the moderated t test of Smyth 2004.

A standard deviation of three seeds is a poor estimate, but those of many configurations together tell how large it usually is.
The true variances are taken as drawn from s0² d0 / chi²(d0), and s0² and d0 are estimated from the variances of all
configurations; then (d0 s0² + d s²) / (d0 + d) with d0 + d degrees of freedom takes the place of s² with d. Where the variances
differ much, d0 is small and little changes (Smyth, "Linear models and empirical Bayes methods for assessing differential
expression in microarray experiments", Stat. Appl. Genet. Mol. Biol. 3, 2004, section 6).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 5
"""Of fewer configurations the spread of their variances is not known."""

TINY = 1e-5
"""Of the median variance: smaller ones count as this, since values that are the same by chance have a variance of 0."""


@dataclass(frozen=True)
class Prior:
    """Variance ``s2`` of a value with ``df`` degrees of freedom, from all configurations; in all they have ``pooled`` of them."""

    s2: float = 0.0
    df: float = 0.0
    pooled: float = math.inf

    def moderated(self, variance: float, df: float, values: int = 1) -> tuple[float, float]:
        """A variance with ``df`` degrees of freedom, and those, with what the prior adds; of a sum of so many ``values``."""
        if math.isinf(self.df):
            return values * self.s2, self.pooled
        both = (self.df * values * self.s2 + df * variance) / (self.df + df)
        return both, min(self.df + df, max(self.pooled, df))


def prior(variances: Sequence[float], dfs: Sequence[int]) -> Prior:
    """The prior of configurations with these variances and degrees of freedom; one that adds nothing for fewer than `FEWEST`."""
    median = statistics.median(variances) if variances else 0.0
    if len(variances) < FEWEST or median == 0:
        return Prior()
    from scipy.special import polygamma, psi

    logs = [math.log(max(s2, TINY * median)) - float(psi(d / 2)) + math.log(d / 2) for s2, d in zip(variances, dfs, strict=True)]
    mean = statistics.fmean(logs)
    excess = statistics.variance(logs) - statistics.fmean(float(polygamma(1, d / 2)) for d in dfs)
    if excess <= 0:  # no more spread than chance makes: all have the same variance
        s2 = sum(s2 * d for s2, d in zip(variances, dfs, strict=True)) / sum(dfs)
        return Prior(s2, math.inf, sum(dfs))
    half = inverse_trigamma(excess)
    return Prior(math.exp(mean + float(psi(half)) - math.log(half)), 2 * half, sum(dfs))


def inverse_trigamma(x: float) -> float:
    """y with trigamma(y) = x > 0, by Newton's method from below (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    if x > 1e7:
        return 1 / math.sqrt(x)
    if x < 1e-6:
        return 1 / x
    y = 0.5 + 1 / x
    for _ in range(50):
        value = float(polygamma(1, y))
        step = value * (1 - value / x) / float(polygamma(2, y))
        y += step
        if -step / y < 1e-10:
            break
    return y
