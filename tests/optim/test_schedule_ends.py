"""Every optimizer with every schedule, to the last step of a training: with factors that reach 0, and with extreme values."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS, Momentum
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

TRAINING = Training(epochs=4, batch_size=30, select="last")
BASE = Experiment(model=MLP(hidden=[6], norm="batch"), data=Synthetic(examples=140, validation_size=32), training=TRAINING)

EXTREME = [
    Constant(warmup_epochs=1e300),
    Constant(warmup_steps=10**18),
    Step(gamma=1e200, every=1),
    Step(gamma=1e-200, every=1),
    MultiStep(gamma=1e200, milestones=[1, 2]),
    MultiStep(gamma=1e-200, milestones=[1, 1, 1]),
    Exponential(gamma=5e-324),
    InverseTime(rate=1e300, power=1e300),
    Polynomial(epochs=1.5),
    Polynomial(power=1e300, epochs=5e-324),
    Cosine(epochs=1.5),
    Cosine(epochs=5e-324, hold=0.999),
    CosineRestarts(period=1),
    CosineRestarts(period=1, growth=1000, fade=5e-324),
    OneCycle(end=0.0),
    OneCycle(start=0.0, end=0.0, rise=0.5, warmup_epochs=1.0),
    ReduceOnPlateau(metric="train/loss", gamma=5e-324, patience=0, min_delta=1e300),
]
ALL = [kind() for kind in SCHEDULES.values()] + [kind(warmup_epochs=1.0) for kind in SCHEDULES.values()] + EXTREME


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_ends_with_every_schedule(optimizer, schedule):
    momentum = 0.0 if OPTIMIZERS[optimizer].full_batch else BASE.model.norm_momentum
    model = replace(BASE.model, norm_momentum=momentum)
    result = run(replace(BASE, model=model, optimizer=OPTIMIZERS[optimizer](), schedule=schedule))
    assert np.isfinite(result.network.params).all()
    rises = isinstance(schedule, Step | MultiStep) and schedule.gamma > 1
    assert result.status in (("finished", "diverged") if rises else ("finished",))
    if result.status == "finished":
        assert [row["epoch"] for row in result.history] == [1, 2, 3, 4]
    else:
        assert "learning rate" in result.reason


@pytest.mark.parametrize("optimizer", [name for name, kind in OPTIMIZERS.items() if not kind.averages])
def test_a_learning_rate_of_zero_changes_no_weight(optimizer):
    """Cosine(epochs=1) is 0 from the second epoch on."""
    base = replace(BASE, model=MLP(hidden=[6]), optimizer=OPTIMIZERS[optimizer](), schedule=Cosine(epochs=1.0))
    one, four = (run(replace(base, training=replace(TRAINING, epochs=n))).network.params for n in (1, 4))
    np.testing.assert_array_equal(one, four)


@pytest.mark.parametrize("period", [0.2, 1e-20, 5e-324])
def test_a_period_below_one_step_is_refused(period):
    with pytest.raises(ConfigError, match=r"schedule.period = .*: must be at least one step, which is 1/4 of an epoch"):
        run(replace(BASE, schedule=CosineRestarts(period=period)))
    assert run(replace(BASE, schedule=CosineRestarts(period=0.25))).status == "finished"


@pytest.mark.parametrize("steps_per_epoch", [10, 30, 782])
@pytest.mark.parametrize("period", [0.1, 0.3, 0.7, 1.1, 1 / 3])
@pytest.mark.parametrize("growth", [1.0, 2.0, 3.0])
def test_restarts_come_at_the_step_of_their_time(period, growth, steps_per_epoch):
    """Against whole numbers: the period in units of a thirtieth of an epoch."""
    unit = 30
    length, start, starts = round(period * unit), 0, []
    while start * steps_per_epoch < unit * 60 * steps_per_epoch:
        starts.append(start)
        start, length = start + length, length * int(growth)
    schedule = CosineRestarts(period=period, growth=growth, fade=0.5)
    for n, start in enumerate(starts[:200]):
        if start * steps_per_epoch % unit == 0:
            step = start * steps_per_epoch // unit
            assert schedule(step, 10**6, steps_per_epoch) == pytest.approx(0.5**n, rel=1e-12), (n, start)


def test_one_cycle_keeps_its_momentum_through_a_warm_up():
    schedule = OneCycle(rise=0.5, warmup_steps=4, momentum_from=0.95, momentum_to=0.85)
    expected = {0: 0.95, 3: 0.95, 4: 0.95, 14: 0.9, 24: 0.85, 34: 0.9, 44: 0.95}
    assert {step: schedule.momentum(step, 45, 4) for step in expected} == pytest.approx(expected)
    peak = min(range(45), key=lambda step: schedule.momentum(step, 45, 4))
    assert peak == max(range(45), key=lambda step: schedule(step, 45, 4))
    assert run(replace(BASE, optimizer=Momentum(), schedule=schedule)).status == "finished"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("optimizer.eps", {"optimizer": OPTIMIZERS["adam"](eps=1e-60)}),
        ("optimizer.eps", {"optimizer": OPTIMIZERS["adagrad"](eps=1e-46)}),
        ("optimizer.eps", {"optimizer": OPTIMIZERS["muon"](eps=1e-60)}),
        ("model.norm_epsilon", {"model": MLP(norm="batch", norm_epsilon=1e-60)}),
    ],
)
def test_an_eps_that_is_zero_in_the_runs_dtype_is_refused(key, parts):
    with pytest.raises(ConfigError, match=f"{key} = .*: is 0 in training.dtype=float32: must be >= 1.4e-45"):
        replace(BASE, **parts)
    replace(BASE, training=replace(TRAINING, dtype="float64"), **parts)


def test_adagrad_needs_an_eps():
    with pytest.raises(ConfigError, match=r"optimizer\.eps = 0: must be > 0"):
        OPTIMIZERS["adagrad"](eps=0)
