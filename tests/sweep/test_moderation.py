"""Moderated variances (Smyth 2004)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from mnist_np.sweep.moderation import FEWEST, Prior, inverse_trigamma, prior
from mnist_np.sweep.significance import against_best


@pytest.mark.parametrize("x", [1e-8, 1e-3, 0.1, 1.0, 1.6449, 30.0, 1e9])
def test_the_inverse_of_trigamma(x):
    assert float(special.polygamma(1, inverse_trigamma(x))) == pytest.approx(x, rel=1e-4)


@pytest.mark.parametrize(("d0", "s2", "d"), [(4.0, 2.0, 2), (10.0, 1e-6, 2), (3.0, 5.0, 9)])
def test_the_prior_that_the_variances_were_drawn_from_is_found(d0, s2, d):
    rng = np.random.default_rng(0)
    true = s2 * d0 / rng.chisquare(d0, 80_000)
    found = prior((true * rng.chisquare(d, 80_000) / d).tolist(), [d] * 80_000)
    assert found.df == pytest.approx(d0, rel=0.1)
    assert found.s2 == pytest.approx(s2, rel=0.05)


def test_equal_variances_are_pooled():
    found = prior([1.0, 1.1, 0.9, 1.0, 1.05], [2] * 5)
    assert found == Prior(pytest.approx(1.01), math.inf, 10)
    assert found.moderated(7.0, 2) == (pytest.approx(1.01), 10)


def test_few_or_constant_configurations_say_nothing():
    for variances in ([1.0] * (FEWEST - 1), [0.0] * 9, []):
        assert prior(variances, [2] * len(variances)).moderated(3.0, 2) == (3.0, 2)


def test_unlike_variances_moderate_little():
    found = prior([1e-8, 1e-6, 1e-4, 1e-2, 1.0, 100.0], [2] * 6)
    assert found.df < 0.6


def rows(x):
    return [{str(j): float(value) for j, value in enumerate(row)} for row in x[np.argsort(-x.mean(1))]]


def test_three_seeds_tell_what_anybody_sees():
    """Eight weight decays; the last two are worse by 4 and 24 points, the others by less than one."""
    rng = np.random.default_rng(0)
    means = np.array([0.910, 0.9075, 0.9061, 0.9059, 0.9058, 0.905, 0.868, 0.674])
    x = means[:, None] + rng.normal(0, 0.003, (8, 3)) * np.array([1, 1, 1, 1, 1, 1, 1, 10])[:, None]
    told = [comparison.is_significant for comparison in against_best(rows(x))]
    assert told == [False] * 5 + [True] * 2


@pytest.mark.parametrize("spread", [0.0, 0.5], ids=["equal", "unlike"])
@pytest.mark.parametrize(("k", "n"), [(5, 3), (8, 3), (24, 3), (8, 5)])
def test_equally_good_configurations_of_unlike_spread_are_seldom_told_apart(k, n, spread):
    rng, wrong, tables = np.random.default_rng([k, n]), 0, 200
    for _ in range(tables):
        sd = 1e-3 * np.exp(spread * rng.normal(size=k))
        wrong += any(comparison.is_significant for comparison in against_best(rows(0.97 + sd[:, None] * rng.normal(size=(k, n)))))
    assert wrong <= stats.binom.ppf(0.999, tables, 0.05)
