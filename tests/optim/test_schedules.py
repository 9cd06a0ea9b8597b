"""Schedules by tables of values, worked out by hand: factors at chosen steps of a training of 4 steps per epoch."""

from math import cos, inf, pi

import pytest

from mnist_np.component import ConfigError
from mnist_np.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    MultiStep,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Step,
)

HALF, QUARTER = 0.5, (1 + cos(pi / 4)) / 2

TABLE = [
    # schedule, steps in all, {step: factor}
    (Constant(), 40, {0: 1, 39: 1}),
    (Step(gamma=0.5, every=2), 40, {0: 1, 7: 1, 8: 0.5, 15: 0.5, 16: 0.25, 39: 0.0625}),
    (Step(gamma=0.3, every=100), 1200, {399: 1, 400: 0.3, 800: 0.09}),  # Simard et al. 2003
    (Step(gamma=1e200, every=1), 40, {0: 1, 4: 1e200, 8: inf, 39: inf}),
    (MultiStep(gamma=1e200, milestones=[1, 2]), 40, {0: 1, 4: 1e200, 8: inf}),
    (MultiStep(gamma=0.1, milestones=[2, 5]), 40, {7: 1, 8: 0.1, 19: 0.1, 20: 0.01, 39: 0.01}),
    (Exponential(gamma=0.5), 40, {0: 1, 3: 1, 4: 0.5, 8: 0.25}),
    (Exponential(gamma=0.25, staircase=False), 40, {0: 1, 2: 0.5, 4: 0.25, 6: 0.125}),
    (Exponential(gamma=0.5, end=0.2), 40, {4: 0.5, 8: 0.25, 12: 0.2, 39: 0.2}),
    (InverseTime(rate=1), 40, {0: 1, 4: 1 / 2, 6: 1 / 2.5, 12: 1 / 4}),
    (InverseTime(rate=3, power=0.5, staircase=True), 40, {0: 1, 3: 1, 4: 1 / 2, 20: 1 / 4}),
    (Polynomial(), 40, {0: 1, 10: 0.75, 20: 0.5, 39: 1 / 40}),
    (Polynomial(power=2, end=0.2), 40, {0: 1, 20: 0.2 + 0.8 / 4, 39: 0.2 + 0.8 / 1600}),
    (Polynomial(hold=0.5), 40, {0: 1, 20: 1, 30: 0.5, 39: 1 / 20}),
    (Polynomial(hold=2 / 3), 600, {0: 1, 400: 1, 500: 0.5, 599: 0.005}),  # Rasmus et al. 2015
    (Polynomial(end=0.02, epochs=5), 40, {0: 1, 10: 0.51, 20: 0.02, 39: 0.02}),
    (Polynomial(end=0.5, epochs=20), 40, {0: 1, 40: 0.75}),
    (Cosine(), 40, {0: 1, 10: QUARTER, 20: HALF, 30: 1 - QUARTER}),
    (Cosine(end=0.5, hold=0.5), 40, {0: 1, 20: 1, 30: 0.75}),
    (Cosine(epochs=2), 40, {0: 1, 4: HALF, 8: 0, 39: 0}),
    (CosineRestarts(period=2), 40, {0: 1, 4: HALF, 7: (1 + cos(pi * 7 / 8)) / 2, 8: 1, 12: HALF, 16: 1}),
    (CosineRestarts(period=1, growth=2, fade=0.5), 40, {0: 1, 2: HALF, 4: 0.5, 8: 0.25, 12: 0.25, 20: 0.125}),
    (CosineRestarts(period=1, end=0.5), 40, {0: 1, 2: 0.75, 4: 1}),
    (OneCycle(rise=0.5, start=0.2, end=0.1), 41, {0: 0.2, 10: 0.6, 20: 1, 30: 0.55, 40: 0.1}),
    (OneCycle(rise=0.0), 41, {0: 1, 40: 0.0001}),
    (OneCycle(), 1, {0: 0.04}),
    (ReduceOnPlateau(), 40, {0: 1, 39: 1}),
    # With a warm-up before: n steps of 1/(n + 1) ... n/(n + 1), then the schedule over the rest.
    (Constant(warmup_steps=3), 40, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 39: 1}),
    (Polynomial(warmup_epochs=1), 44, {0: 0.2, 3: 0.8, 4: 1, 24: 0.5, 43: 1 / 40}),
    (Step(gamma=0.5, every=1, warmup_steps=1), 40, {0: 0.5, 1: 1, 4: 1, 5: 0.5}),
    (OneCycle(start=0.4, warmup_steps=1), 40, {0: 0.2, 1: 0.4}),
    (Cosine(warmup_epochs=0.5), 42, {0: 1 / 3, 1: 2 / 3, 2: 1, 22: HALF}),
    (Constant(warmup_epochs=99), 40, {0: 1 / 397, 39: 40 / 397}),
]


@pytest.mark.parametrize(("schedule", "steps", "expected"), TABLE, ids=lambda x: repr(x) if hasattr(x, "factor") else "")
def test_values(schedule, steps, expected):
    assert {step: schedule(step, steps, 4) for step in expected} == pytest.approx(expected, abs=1e-12)


def test_the_table_has_every_schedule():
    assert {type(schedule) for schedule, _, _ in TABLE} == set(SCHEDULES.values())


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_are_shares(name):
    for values in ({}, {"warmup_epochs": 2.5}):
        schedule = SCHEDULES[name](**values)
        assert all(0 <= schedule(step, 40, 4) <= 1 for step in range(40))


def test_momentum_ramp():
    """Hinton et al. 2012: from .5 to .99 linearly over 500 epochs, .99 from then on."""
    paper = Constant(momentum_from=0.5, momentum_to=0.99, momentum_epochs=500)
    expected = {0: 0.5, 1000: 0.745, 2000: 0.99, 9999: 0.99}
    assert {step: paper.momentum(step, 10_000, 4) for step in expected} == pytest.approx(expected)
    assert Constant(momentum_from=0.5, momentum_to=0.9).momentum(20, 40, 4) == pytest.approx(0.7)
    assert Cosine().momentum(20, 40, 4) is None


def test_one_cycle_momentum_mirrors_the_learning_rate():
    schedule = OneCycle(rise=0.5, momentum_from=0.95, momentum_to=0.85)
    expected = {0: 0.95, 10: 0.9, 20: 0.85, 30: 0.9, 40: 0.95}
    assert {step: schedule.momentum(step, 41, 4) for step in expected} == pytest.approx(expected)
    assert OneCycle().momentum(0, 41, 4) is None


def factors(schedule, losses, metric="val/loss"):
    history = [{metric: loss} for loss in losses]
    return [schedule.after_epoch(history[: n + 1]) for n in range(len(history))]


def test_reduce_on_plateau_waits_for_patience():
    """Epochs 3 and 4 are no better than 2: with patience 1 the second of them cuts, and the count begins anew."""
    schedule = ReduceOnPlateau(gamma=0.5, patience=1)
    assert factors(schedule, [3, 2, 2, 2.5, 2, 2, 1, 1]) == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_reduce_on_plateau_rests_after_a_cut_and_has_a_floor():
    schedule = ReduceOnPlateau(gamma=0.1, patience=0, cooldown=2, end=0.05)
    assert factors(schedule, [1, 1, 1, 1, 1, 1]) == pytest.approx([1, 0.1, 0.1, 0.1, 0.05, 0.05])


def test_reduce_on_plateau_counts_as_better_only_more_than_min_delta():
    by_accuracy = ReduceOnPlateau(metric="val/accuracy", gamma=0.5, patience=0, min_delta=0.01)
    assert factors(by_accuracy, [0.9, 0.92, 0.925, 0.94], "val/accuracy") == [1, 1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Cosine, {"warmup_steps": 5, "warmup_epochs": 1}, "set one of them to 0"),
        (OneCycle, {"momentum_from": 0.9, "momentum_epochs": 3}, "must be null"),
        (MultiStep, {"milestones": [0]}, "every entry must be >= 1"),
        (ReduceOnPlateau, {"metric": "val/los"}, "did you mean 'val/loss'"),
    ],
)
def test_what_cannot_be_is_refused(kind, values, message):
    with pytest.raises(ConfigError, match=message):
        kind(**values)
