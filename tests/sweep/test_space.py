"""The space of a search: its points, their texts, and values that can be read."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

optuna = pytest.importorskip("optuna")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402

from mnist_np.sweep.space import ENUMERABLE, Space, draw, readable  # noqa: E402

DISCRETE = Space({"a": CategoricalDistribution(["relu", "tanh"]), "n": IntDistribution(2, 8, step=3)})
MIXED = Space(
    {
        "lr": FloatDistribution(1e-4, 2.0, log=True),
        "p": FloatDistribution(0.0, 0.5),
        "n": IntDistribution(1, 100, log=True),
        "a": CategoricalDistribution(["[64]", "[64,32]"]),
    }
)


@pytest.mark.parametrize(
    ("value", "interval", "expected"),
    [
        (0.13679421, (0.01, 1.0), 0.137),
        (0.0123456, (0.01, 1.0), 0.0123),
        (1234.567, (1.0, 5000.0), 1230.0),
        (3.14159e-5, (1e-6, 1.0), 3.14e-5),
        (0.987654, (0.9, 0.999), 0.9877),  # three digits would leave too few values of a narrow interval
        (0.12345, (0.12345, 0.12345), 0.12345),
        (0.010001, (0.010001, 1.0), 0.010001),  # never below the lower end
        (0.0, (0.0, 0.5), 0.0),
    ],
)
def test_numbers_have_few_digits(value, interval, expected):
    assert readable(value, FloatDistribution(*interval)) == expected


@given(st.floats(1e-8, 1e8), st.floats(1e-8, 1e8), st.booleans(), st.integers(0, 2**32 - 1))
def test_drawn_numbers_are_in_the_interval_and_short(low, high, log, seed):
    low, high = sorted((low, high))
    value = draw(distribution := FloatDistribution(low, high, log=log), np.random.default_rng(seed))
    assert low <= value <= high
    assert readable(value, distribution) == value
    if high > 2 * low and value not in (low, high):
        assert len(f"{value:.12e}".split("e")[0].replace(".", "").rstrip("0")) <= 3 or value > (high - low) / 1000


@pytest.mark.parametrize("space", [DISCRETE, MIXED], ids=["discrete", "mixed"])
def test_a_point_is_found_again_from_its_texts(space):
    rng = np.random.default_rng(0)
    for _ in range(50):
        point = space.new_point(set(), rng)
        assert space.parse({key: str(value) for key, value in point.items()}) == point


@pytest.mark.parametrize(
    "texts",
    [
        {"a": "relu"},
        {"a": "relu", "n": "2", "more": "1"},
        {"a": "gelu", "n": "2"},
        {"a": "relu", "n": "3"},
        {"a": "relu", "n": "11"},
        {"a": "relu", "n": "two"},
        {"a": "relu", "n": "2.0"},
    ],
    ids=str,
)
def test_texts_of_another_space_are_no_point(texts):
    assert DISCRETE.parse(texts) is None


def test_new_points_are_each_of_them_once_and_then_none():
    known, rng = set(), np.random.default_rng(0)
    while point := DISCRETE.new_point(known, rng):
        assert DISCRETE.key_of(point) not in known
        known.add(DISCRETE.key_of(point))
    assert len(known) == DISCRETE.size == 6


def test_sizes():
    assert MIXED.size == math.inf
    assert Space({"x": FloatDistribution(0.5, 0.5)}).size == 1
    assert Space({"x": IntDistribution(1, 10**9)}).size == 10**9


def test_a_space_too_large_to_count_out_gives_new_points_and_may_end():
    rng = np.random.default_rng(0)
    huge = Space({"n": IntDistribution(1, 10**9), "a": CategoricalDistribution(["x"])})
    assert huge.new_point({("1", "x")}, rng)
    above = math.nextafter(0.5, 1)
    tiny = Space({"x": FloatDistribution(0.5, above)})
    assert tiny.size == math.inf > ENUMERABLE
    assert tiny.new_point({("0.5",), (str(above),)}, rng) is None  # though it is an interval without end of values


def test_corners_are_all_choices_and_both_ends_beside_the_first_of_the_others():
    assert [(key, *DISCRETE.key_of(corner)) for key, corner in DISCRETE.corners()] == [
        ("a", "relu", "2"),
        ("a", "tanh", "2"),
        ("n", "relu", "2"),
        ("n", "relu", "8"),
    ]


def test_a_description_does_not_depend_on_the_order_of_keys_but_on_every_value():
    turned = Space(dict(reversed(list(MIXED.distributions.items()))))
    assert turned.describe() == MIXED.describe()
    for key, other in {
        "lr": FloatDistribution(1e-4, 2.0),
        "p": FloatDistribution(0.0, 0.6),
        "n": IntDistribution(1, 100),
        "a": CategoricalDistribution(["[64]"]),
    }.items():
        assert Space({**MIXED.distributions, key: other}).describe() != MIXED.describe()
