"""L1, L2 and gradient clipping."""

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import LBFGS, SGD
from mnist_np.training.events import Observer
from mnist_np.training.penalty import Penalty, clip

DATA = Synthetic(examples=200, validation_size=40)


def trained(optimizer=None, hidden=(8,), **training):
    training = Training(**({"epochs": 2, "select": "last", "dtype": "float64"} | training))
    return run(Experiment(model=MLP(hidden=list(hidden)), optimizer=optimizer or SGD(lr=0.1), data=DATA, training=training))


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
def test_gradient_is_the_derivative_of_the_value(l1, l2):
    network = MLP(hidden=[4], norm="batch").build(5, 3, np.random.default_rng(0), dtype=np.float64)
    penalty = Penalty(Training(l1=l1, l2=l2), network)
    network.grads[:] = 0
    penalty.add_gradient()
    numeric = np.empty_like(network.grads)
    for i, p in enumerate(network.params.copy()):
        values = []
        for q in (p + 1e-6, p - 1e-6):
            network.params[i] = q
            values.append(penalty.value())
        network.params[i] = p
        numeric[i] = (values[0] - values[1]) / 2e-6
    np.testing.assert_allclose(network.grads, numeric, atol=1e-8)
    matrices = np.concatenate([np.full(spec.stop - spec.start, spec.is_weight) for spec in network.specs])
    assert np.all(network.grads[~matrices] == 0)
    assert np.all(network.grads[matrices] != 0)


def test_l2_and_decoupled_decay_are_one_for_sgd():
    classic, decoupled = trained(l2=0.05), trained(SGD(lr=0.1, weight_decay=0.05))
    np.testing.assert_allclose(classic.network.params, decoupled.network.params, rtol=1e-10, atol=1e-14)
    assert not np.allclose(classic.network.params, trained().network.params, rtol=1e-3)


def test_l1_makes_weights_small():
    free, penalised = (np.abs(trained(epochs=20, l1=l1).network.params).sum() for l1 in (0.0, 0.01))
    assert penalised < 0.8 * free


def test_lbfgs_minimises_the_penalty_too():
    """At the minimum of J + l2/2 |W|^2 the gradient vanishes: dJ/dW = -l2 W."""
    result = trained(LBFGS(iterations=200, max_evaluations=300), hidden=(), epochs=1, l2=0.1)  # without kinks
    network, train = result.network, result.data.train
    network.loss_and_gradients(train.X.astype(np.float64), train.Y, result.experiment.loss, np.random.default_rng(0))
    for spec in network.specs:
        expected = -0.1 * spec.view(network.params) if spec.is_weight else 0.0
        np.testing.assert_allclose(spec.view(network.grads), expected, atol=1e-5)


def test_clipping_by_hand():
    grads = np.array([3.0, -4.0])
    clip(grads, None, 10.0)
    np.testing.assert_array_equal(grads, [3, -4])
    clip(grads, None, 2.5)
    np.testing.assert_allclose(grads, [1.5, -2.0])
    clip(grads, 1.0, None)
    np.testing.assert_allclose(grads, [1, -1])
    both = np.array([3.0, -4.0])
    clip(both, 3.0, 1.0)  # first to [3, -3], then to length 1
    np.testing.assert_allclose(both, [0.5**0.5, -(0.5**0.5)])


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e19), (np.float32, 5e37), (np.float64, 1e155), (np.float64, 2e307)])
def test_a_gradient_whose_square_overflows_is_clipped_too(dtype, size):
    grads = np.array([3 * size, 4 * size], dtype)
    clip(grads, None, 1.0)
    np.testing.assert_allclose(grads, [0.6, 0.8], rtol=1e-5)


def test_clipped_steps_are_no_longer_than_lr_times_the_norm():
    class Steps(Observer):
        observes_steps = True
        longest = 0.0

        def on_start(self, event):
            self.before = event.network.params.copy()

        def on_step(self, event):
            self.longest = max(self.longest, float(np.linalg.norm(event.network.params - self.before)))
            self.before = event.network.params.copy()

    free, clipped = Steps(), Steps()
    for steps, norm in ((free, None), (clipped, 0.05)):
        training = Training(epochs=1, dtype="float64", clip_norm=norm)
        run(Experiment(model=MLP(hidden=[8]), optimizer=SGD(lr=0.1), data=DATA, training=training), [steps])
    assert free.longest > 0.006
    assert clipped.longest == pytest.approx(0.1 * 0.05)
