"""The statistics of a sweep's table: against SciPy's, and by simulation: equally good configurations are not told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_np.sweep.significance import (
    against_best,
    compare,
    holm,
    interval,
    seeds_needed,
    t_quantile,
    t_survival,
    wilcoxon,
)
from mnist_np.sweep.verdict import MARK, Verdict

stats = pytest.importorskip("scipy.stats")


def by_seed(values):
    return {str(seed): float(value) for seed, value in enumerate(values)}


@pytest.mark.parametrize("df", [1, 2, 5, 30, 4.7, 1000])
def test_t_quantiles_and_p_values(df):
    for p in (0.6, 0.9, 0.975, 0.9999):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9)
    for t in (0.0, 0.5, -2.0, 12.7, 80.0):
        assert t_survival(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_the_interval_of_a_mean(n):
    x = np.random.default_rng(n).normal(size=n)
    low, high = interval(x.mean(), x.std(ddof=1), n)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, n - 1, x.mean(), stats.sem(x)))
    assert interval(1.0, None, 1) is None


@pytest.mark.parametrize("n", [2, 3, 8])
def test_paired_by_seed_as_scipy(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(1, 1, n), rng.normal(0, 1, n)
    found = compare(by_seed(a), by_seed(b))
    assert found.paired
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.difference == pytest.approx((a - b).mean())
    assert (found.p_wilcoxon is None) == (n < 6)
    if n >= 6:
        assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(a, b, method="exact").pvalue)
    assert compare(by_seed(a), by_seed(b), sign=-1).difference == pytest.approx(-(a - b).mean())


def test_only_shared_seeds_are_paired_and_without_them_it_is_welch():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 5), rng.normal(1, 3, 7)
    other = {str(10 + i): float(value) for i, value in enumerate(b)}
    found = compare(by_seed(a), other)
    assert not found.paired
    assert found.p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
    mixed = other | {"0": 0.1, "1": 0.3}
    assert compare(by_seed(a), mixed).n == 2
    assert compare(by_seed(a), mixed).p == pytest.approx(stats.ttest_rel(a[:2], [0.1, 0.3]).pvalue)


def test_pairs_that_speak_for_the_other_one_do_not_speak_for_the_best():
    """The best by its mean has five seeds more, all good; on the shared ones the other is better."""
    noise = [0.0, 0.0011, -0.0007, 0.0004, 0.0009]
    best, other = by_seed([0.960 + x for x in noise] + [0.99] * 5), by_seed([0.961 + x + x**2 for x in noise])
    found = Verdict.of("best/val_accuracy", [best, other], 1)
    (comparison,) = found.comparisons
    assert comparison.difference < 0
    assert comparison.p < 1e-6
    assert comparison.p_holm == 1
    assert found.mark(2) == MARK
    error = {seed: 1 - value for seed, value in best.items()}, {seed: 1 - value for seed, value in other.items()}
    assert against_best(error, sign=-1)[0].p_holm == 1


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=12))
def test_wilcoxon_is_exact_with_ties_and_zeros(values):
    d = np.array([value for value in values if value], float)
    found = wilcoxon(values)
    if len(d) == 0:
        assert found == 1
        return
    ranks = stats.rankdata(np.abs(d))
    signs = np.array(np.meshgrid(*[[0, 1]] * len(d))).reshape(len(d), -1)  # all ways of giving signs
    sums = ranks @ signs
    least = min(ranks[d > 0].sum(), ranks[d < 0].sum())
    assert found == pytest.approx(min(1, 2 * np.mean(sums <= least + 1e-9)))


@pytest.mark.parametrize("n", [10, 30, 60, 200])
def test_wilcoxon_as_scipy(n):
    d = np.random.default_rng(n).normal(0.3, 1, n)
    expected = stats.wilcoxon(d, method="exact" if n <= 50 else "approx", correction=False).pvalue
    assert wilcoxon(d) == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=8))
def test_holm(ps):
    order = np.argsort(ps, kind="stable")
    expected = np.empty(len(ps))
    expected[order] = np.minimum(1, np.maximum.accumulate(np.array(ps)[order] * (len(ps) - np.arange(len(ps)))))
    assert holm(ps, len(ps)) == pytest.approx(expected)
    assert all(larger >= p for larger, p in zip(holm(ps, 100), holm(ps, len(ps)), strict=True))


TABLES = 300


@pytest.mark.parametrize(
    ("k", "n", "shared", "step"),
    [
        (2, 3, True, 0),
        (3, 5, True, 0),
        (8, 3, True, 0),
        (8, 12, True, 0),
        (6, 5, False, 0),
        (8, 2, True, 2e-4),
        (8, 3, True, 1e-3),
    ],
)
def test_equally_good_configurations_are_seldom_told_apart(k, n, shared, step):
    """The chance of any false "is better" in a table is at most 5 %: of 300 tables fewer than 27 (1 in 1,000 at 5 %)."""
    rng = np.random.default_rng([k, n])
    wrong = 0
    for _ in range(TABLES):
        x = 0.97 + rng.normal(0, 1e-3, (k, n)) + (rng.normal(0, 1e-3, n) if shared else 0)
        x = np.round(x / step) * step if step else x
        x = x[np.argsort(-x.mean(1))]
        rows = [{str(j) if shared else f"{i}-{j}": float(v) for j, v in enumerate(row)} for i, row in enumerate(x)]
        wrong += any(comparison.is_significant for comparison in against_best(rows))
    assert wrong <= stats.binom.ppf(0.999, TABLES, 0.05)


def test_the_seeds_that_are_advised_show_the_difference():
    sd, difference = 0.002, 0.001
    n = seeds_needed(difference, sd, 1)
    rng = np.random.default_rng(0)
    told = [stats.ttest_1samp(rng.normal(difference, sd, n), 0).pvalue < 0.05 for _ in range(2000)]
    assert 0.74 < np.mean(told) < 0.9
    assert seeds_needed(1e-9, 1, 1) == 1000
    assert seeds_needed(difference, sd, 276) > n


def test_values_that_never_vary_are_told_apart_and_equal_ones_are_not():
    assert against_best([by_seed([3, 3]), by_seed([2, 2])])[0].is_significant
    assert not against_best([by_seed([3, 3]), by_seed([3, 3])])[0].is_significant
    chance = against_best([by_seed([0.97, 0.972]), by_seed([0.969, 0.971])])[0]  # the same difference twice, by chance
    assert not chance.is_significant


def verdict(*rows, metric="best/val_accuracy", sign=1):
    return Verdict.of(metric, [by_seed(row) for row in rows], sign)


def test_sentences():
    noise = np.array([0.0, 0.0011, -0.0007, 0.0004, 0.0009])
    good, close, bad = 0.98 + noise, 0.9798 + noise[::-1], 0.5 + 2 * noise
    assert verdict().sentence() == ""
    assert verdict(good).sentence() == ""
    assert "several seeds" in verdict(good[:1], bad[:1]).sentence()
    assert verdict(good, bad).sentence() == "the first of 2 is better than the other at 5 % (n = 5)"
    said = verdict(good, close, bad)
    assert said.sentence().startswith("the first 2 of 3 cannot be told apart at 5 % (n = 5); about ")
    assert said.sentence().endswith(" seeds each would tell a difference of 0.1 pp")
    assert [said.mark(rank) for rank in (1, 2, 3)] == ["", MARK, ""]
    assert verdict(good, close).sentence().startswith("the two cannot be told apart")
    noisy = 0.6 + np.array([0.3, -0.3, 0.2, -0.4, 0.1])
    said = verdict(good, 0.8 + 0.1 * noise, noisy)
    assert said.sentence().startswith(f"1 of the others ({MARK}) cannot be told from the first at 5 %")
    less = verdict(0.05 + noise, 0.0502 + noise[::-1], metric="best/val_loss", sign=-1)
    assert "(1 %)" in less.sentence()
    assert "n = 2 to 5" in verdict(good, close[:2]).sentence()
    shifted = {str(seed): 0.96 + 0.001 * seed**2 for seed in range(3, 8)}
    apart = Verdict.of("best/val_accuracy", [{str(seed): 0.97 + 0.001 * seed for seed in range(5)}, shifted], 1)
    assert "(n = 5, of which 2 in pairs)" in apart.sentence()
