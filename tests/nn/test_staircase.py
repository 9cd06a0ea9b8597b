"""Inputs that are zero are left out of the first layer's products, which changes nothing but the time."""

import numpy as np
import pytest

from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP


def fill(X, steps):
    """Numbers where the steps allow them."""
    start = 0
    for m, n in steps:
        X[start:m, :n] = np.random.default_rng(m).random((m - start, n))
        start = m


@pytest.mark.parametrize("steps", [[(8, 9)], [(8, 6)], [(8, 0)], [(3, 2), (8, 7)], [(1, 0), (2, 1), (6, 8), (8, 9)]], ids=str)
@pytest.mark.parametrize(
    "fields", [{}, {"hidden": []}, {"norm": "batch"}, {"input_dropout": 0.3}, {"input_noise": 0.1}, {"dropout": 0.3}], ids=str
)
def test_the_same_loss_and_gradients(steps, fields):
    network = MLP(**({"hidden": [7, 5]} | fields)).build(9, 3, np.random.default_rng(0), dtype=np.float64)
    X, Y = np.zeros((8, 9)), np.eye(3)[np.arange(8) % 3]
    fill(X, steps)
    loss = network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(2))
    grads = network.grads.copy()
    for _ in range(2):  # whatever an earlier batch has left there
        network.grads.fill(np.nan)
        assert network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(2), steps=steps) == pytest.approx(loss)
        np.testing.assert_allclose(network.grads, grads, rtol=1e-12, atol=1e-15)


def test_what_lies_beyond_is_not_looked_at():
    network = MLP(hidden=[7]).build(9, 3, np.random.default_rng(0))
    X, Y = np.full((8, 9), np.nan, np.float32), np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    steps = [(3, 2), (8, 7)]
    fill(X, steps)
    assert np.isfinite(network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(0), steps=steps))
    assert np.isfinite(network.grads).all()
