"""Numbers that are not finite end the run within their step, are named, and reach neither the kept weights nor a metric."""

import math

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.engine.cross_entropy import CrossEntropyKernel
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activations import Sigmoid
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import SGD
from mnist_np.training.divergence import Diverged, check_loss, check_step
from mnist_np.training.events import Observer
from mnist_np.training.progress import Progress


def experiment(lr=0.1, epochs=3, **changes):
    """Eight steps an epoch."""
    return Experiment(**({"data": Synthetic(), "optimizer": SGD(lr=lr), "training": Training(epochs=epochs)} | changes))


@pytest.fixture
def spoil(monkeypatch):
    """``spoil(step, value)`` puts ``value`` into dZ of the step with that number; ``spoil(step, loss=value)`` into the loss."""

    def spoil(step, value=0.0, loss=None):
        steps = 0
        true_loss = CrossEntropyKernel.__call__

        def spoilt(self, Z, Y):
            nonlocal steps
            J, dZ = true_loss(self, Z, Y)
            steps += 1
            if steps == step:
                dZ[0, 0] += value
                return (J if loss is None else loss), dZ
            return J, dZ

        monkeypatch.setattr(CrossEntropyKernel, "__call__", spoilt)

    return spoil


class Watch(Observer):
    """Keeps the weights after every step; ``spoil`` is done to the network after step ``at``."""

    observes_steps = True

    def __init__(self, at=0, spoil=lambda network: None):
        self.at, self.spoil, self.params = at, spoil, []

    def on_start(self, event):
        self.params.append(event.network.params.copy())

    def on_step(self, event):
        self.params.append(event.network.params.copy())
        if event.step == self.at:
            self.spoil(event.network)


def all_finite(result):
    numbers = [*result.metrics.values(), *(value for row in result.history for value in row.values())]
    return all(map(math.isfinite, numbers)) and np.isfinite(result.network.params).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_gradient_is_found_before_its_update(value, spoil):
    spoil(5, value)
    watch = Watch()
    result = run(experiment(lr=0.25), [watch])
    assert result.status == "diverged"
    assert result.reason.startswith(f"the gradient of b3 of layer 3 became {'nan' if math.isnan(value) else value} (1 of 4 entr")
    assert "at step 5 (epoch 1, batch 5); loss 1." in result.reason
    assert "learning rate 0.25, gradient norm nan" in result.reason
    assert len(watch.params) == 1 + 4, "the update of step 5 must not be made"
    assert np.array_equal(result.network.params, watch.params[4]), "the last good weights are those before step 5"
    assert all_finite(result)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_is_found_before_the_update(value, spoil):
    spoil(3, loss=value)
    watch = Watch()
    result = run(experiment(), [watch])
    assert result.reason.startswith(f"the loss became {value} at step 3 (epoch 1, batch 3); learning rate 0.1, gradient norm")
    assert len(watch.params) == 1 + 2
    assert all_finite(result)


def test_with_a_whole_epoch_behind_it_the_best_weights_are_kept(spoil):
    spoil(19, math.nan)
    watch = Watch()
    result = run(experiment(), [watch])
    assert result.status == "diverged"
    assert "(epoch 3, batch 3)" in result.reason
    assert (len(result.history), result.best_epoch) == (2, 2)
    assert np.array_equal(result.network.params, watch.params[16])
    assert all_finite(result)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_are_named_with_the_step_that_made_them(value):
    def spoil(network):
        network.arrays()["W2"][3, 4] = value

    result = run(experiment(), [Watch(11, spoil)])
    assert result.reason == f"W2 of layer 2 became {value} (1 of 8,192 entries) by step 11; learning rate 0.1"
    assert result.best_epoch == 1
    assert all_finite(result)


def test_weights_behind_saturated_units_are_found_before_the_epoch_is_kept():
    """A bias of infinity makes a sigmoid of exactly 1 with no derivative: loss and gradients stay finite."""

    def spoil(network):
        network.arrays()["b1"][0] = math.inf

    result = run(experiment(activation=Sigmoid()), [Watch(3, spoil)])
    assert result.reason == "b1 of layer 1 became inf (1 of 128 entries) by step 8; learning rate 0.1"
    assert result.history == []
    assert all_finite(result)


@pytest.mark.parametrize(
    ("dtype", "lr"), [("float32", 1e3), ("float32", 1e20), ("float32", 1e38), ("float64", 1e30), ("float64", 1e300)]
)
def test_learning_rates_that_are_far_too_large(dtype, lr):
    """Where the very first epoch goes wrong, the weights are those of a network that can still be evaluated."""
    result = run(experiment(lr=lr, training=Training(epochs=20, dtype=dtype)))
    assert result.status == "diverged"
    assert "learning rate" in result.reason
    assert "layer" in result.reason
    assert all_finite(result)
    assert math.isfinite(result.test.loss)


def test_running_statistics_are_watched_too():
    """Training does not read them: only the end of the epoch can tell."""

    def spoil(network):
        network.state[0] = math.nan

    result = run(experiment(model=MLP(hidden=[8], norm="batch")), [Watch(2, spoil)])
    assert result.reason.endswith("of layer 1 became nan (1 of 8 entries) by step 8; learning rate 0.1")
    assert all_finite(result)


def test_validation_can_diverge_alone():
    with pytest.raises(Diverged, match="the validation loss became inf after epoch 3"):
        check_loss("validation", math.inf, 3)
    check_loss("validation", 1e30, 3)


def test_large_numbers_alone_are_no_divergence():
    """The alarm's squares overflow float32; the gradients themselves do not."""
    network = MLP(hidden=[3]).build(2, 2, np.random.default_rng(0))
    network.grads[:] = 1e25
    with np.errstate(over="ignore"):
        check_step(network, np.zeros((4, 2)), 1e30, 0.1, Progress(optimizer={}))
    network.grads[1] = math.inf
    with np.errstate(over="ignore"), pytest.raises(Diverged, match="the gradient of W1 of layer 1 became inf"):
        check_step(network, np.zeros((4, 2)), 1e30, 0.1, Progress(optimizer={}))
