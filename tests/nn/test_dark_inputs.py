"""Inputs that are zero in a whole batch are left out of the first layer's products, which changes nothing but the time."""

import numpy as np
import pytest

from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP


@pytest.mark.parametrize("lit", [6, 9, 1, 0])
@pytest.mark.parametrize(
    "fields", [{}, {"hidden": []}, {"norm": "batch"}, {"input_dropout": 0.3}, {"input_noise": 0.1}, {"dropout": 0.3}], ids=str
)
def test_the_same_loss_and_gradients(lit, fields):
    network = MLP(**({"hidden": [7, 5]} | fields)).build(9, 3, np.random.default_rng(0), dtype=np.float64)
    X, Y = np.zeros((8, 9)), np.eye(3)[np.arange(8) % 3]
    X[:, :lit] = np.random.default_rng(1).random((8, lit))
    loss = network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(2))
    grads = network.grads.copy()
    for _ in range(2):  # whatever an earlier batch has left there
        network.grads.fill(np.nan)
        assert network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(2), lit=lit) == pytest.approx(loss)
        np.testing.assert_allclose(network.grads, grads, rtol=1e-12, atol=1e-15)


def test_what_lies_beyond_is_not_looked_at():
    network = MLP(hidden=[7]).build(9, 3, np.random.default_rng(0))
    X, Y = np.full((8, 9), np.nan, np.float32), np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    X[:, :6] = 1
    assert np.isfinite(network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(0), lit=6))


def test_a_copy_for_another_network_has_its_own_part():
    network = MLP(hidden=[7]).build(9, 3, np.random.default_rng(0))
    X, Y = np.ones((8, 9), np.float32), np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(0), lit=9)
    other = type(network)([layer.unbound() for layer in network.layers], np.random.default_rng(5))
    other.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(0))
    expected = other.grads.copy()
    other.grads.fill(np.nan)
    other.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(0), lit=9)
    np.testing.assert_allclose(other.grads, expected, rtol=1e-6)
