"""The rules by which our errors are compared with published ones: PASS, CLOSE, MISS; and the test that a record passes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mnist_np.sweep.report import Spread
from mnist_np.sweep.significance import t_survival

IMAGES = 10_000
"""Test images, and validation images."""

FEWEST = 3
"""Runs that a verdict needs."""

OPEN = "open"
"""The verdict while there are too few runs."""

LEVEL = 0.01
"""A record holds if p is below this."""


def verdict(errors: Sequence[float], published: float, sd: float | None = None) -> str:
    """PASS, CLOSE, MISS or open: a mean over seeds compared with a published error. All in percent.

    PASS: the mean is not above the published error, or differs from it by at most 2 sqrt(sd^2 + s^2 / n), where s is the
    standard deviation of the n errors and an ``sd`` that is not published counts as 0. CLOSE: it differs by at most 2 binomial
    standard deviations of an error measured on 10,000 images.
    """
    ours = Spread.of(errors)
    if ours is None or ours.sd is None or ours.n < FEWEST:
        return OPEN
    excess = ours.mean - published
    if excess <= 2 * math.hypot(sd or 0.0, ours.sd / math.sqrt(ours.n)) + 1e-9:
        return "PASS"
    return "CLOSE" if excess <= 2 * binomial_sd(published) else "MISS"


def relative_verdict(errors: Sequence[float], others: Sequence[float]) -> str:
    """The same for a claim that one error is below another: PASS if by 2 standard errors of the difference, CLOSE if by less."""
    ours, other = Spread.of(errors), Spread.of(others)
    if ours is None or other is None or ours.sd is None or other.sd is None or min(ours.n, other.n) < FEWEST:
        return OPEN
    gain = other.mean - ours.mean
    if gain > 0 and gain >= 2 * math.hypot(ours.sd / math.sqrt(ours.n), other.sd / math.sqrt(other.n)):
        return "PASS"
    return "CLOSE" if gain > 0 else "MISS"


def binomial_sd(error: float) -> float:
    """The standard deviation, in percentage points, of an error in percent that is measured on 10,000 images."""
    return math.sqrt(error * (100 - error) / IMAGES)


def record_p_value(errors: Sequence[float], mark: float) -> float | None:
    """The p value of a one-sided t test: how probable such errors are if the true mean were ``mark`` or above.

    None where there are too few errors to tell.
    """
    ours = Spread.of(errors)
    if ours is None or ours.sd is None or ours.n < FEWEST:
        return None
    if ours.sd == 0:
        return 0.0 if ours.mean < mark else 1.0
    return t_survival((mark - ours.mean) / (ours.sd / math.sqrt(ours.n)), ours.n - 1)
