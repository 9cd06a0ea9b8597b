"""The rules of verdicts and of records, by hand-worked cases."""

import math

import pytest

from mnist_np.papers.verdict import OPEN, binomial_sd, record_p_value, relative_verdict, verdict
from mnist_np.sweep.significance import t_survival

# 1.6 % of 10,000 images has a binomial sd of 0.1255 points. An sd of 0.1 over three seeds has a standard error of 0.0577.
CASES = [
    ([], 1.6, None, OPEN),
    ([1.0, 1.0], 1.6, None, OPEN),
    ([1.6, 1.6, 1.6], 1.6, None, "PASS"),
    ([1.0, 1.1, 1.2], 1.6, None, "PASS"),  # better, however far away
    ([1.61, 1.61, 1.61], 1.6, None, "CLOSE"),  # no spread, so no allowance
    ([1.61, 1.71, 1.81], 1.6, None, "PASS"),  # 0.11 above; allowed 2 * 0.0577
    ([1.62, 1.72, 1.82], 1.6, None, "CLOSE"),  # 0.12 above
    ([1.75, 1.85, 1.95], 1.6, None, "CLOSE"),  # 0.25 above; 2 binomial sds are 0.251
    ([1.76, 1.86, 1.96], 1.6, None, "MISS"),  # 0.26 above
    ([1.62, 1.72, 1.82], 1.6, 0.06, "PASS"),  # the paper's sd allows 2 * 0.0833
    ([1.66, 1.76, 1.86], 1.6, 0.06, "PASS"),  # 0.16 above
    ([1.67, 1.77, 1.87], 1.6, 0.06, "CLOSE"),  # 0.17 above
    ([1.0, 1.0, math.nan], 1.6, None, OPEN),  # two errors that count
]


@pytest.mark.parametrize(("errors", "published", "sd", "expected"), CASES)
def test_verdict(errors, published, sd, expected):
    assert verdict(errors, published, sd) == expected


@pytest.mark.parametrize(
    ("errors", "others", "expected"),
    [
        ([2.0, 2.1, 2.2], [2.4, 2.5, 2.6], "PASS"),  # 0.4 below; 2 standard errors of the difference are 0.163
        ([2.0, 2.1, 2.2], [2.1, 2.2, 2.3], "CLOSE"),
        ([2.0, 2.1, 2.2], [1.9, 2.0, 2.1], "MISS"),
        ([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], "MISS"),  # the same is not below
        ([2.0, 2.1], [2.4, 2.5, 2.6], OPEN),
        ([2.0, 2.1, 2.2], [], OPEN),
    ],
)
def test_relative_verdict(errors, others, expected):
    assert relative_verdict(errors, others) == expected


def test_binomial_sd():
    assert binomial_sd(2.0) == pytest.approx(0.14)
    assert binomial_sd(1.6) == pytest.approx(0.1255, abs=1e-4)


@pytest.mark.parametrize(("t", "df", "p"), [(0, 1, 0.5), (1, 1, 0.25), (1.833, 9, 0.05), (2.821, 9, 0.01), (4.297, 9, 0.001)])
def test_t_survival_is_that_of_the_tables(t, df, p):
    assert t_survival(t, df) == pytest.approx(p, rel=2e-3)
    assert t_survival(-t, df) == pytest.approx(1 - p, rel=2e-3)


def test_p_value_of_a_record():
    assert record_p_value([1.9] * 2, 2.0) is None
    assert record_p_value([1.9] * 10, 2.0) == 0
    assert record_p_value([2.0] * 10, 2.0) == 1
    errors = [1.8, 1.9, 2.0]  # mean 1.9, standard error 0.0577: t = 1.732 with 2 degrees of freedom
    assert record_p_value(errors, 2.0) == pytest.approx(0.1127, abs=1e-4)
    assert record_p_value([2 * 2.0 - error for error in errors], 2.0) == pytest.approx(1 - 0.1127, abs=1e-4)
