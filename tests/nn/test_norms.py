"""Batch norm and layer norm: training and inference worked out by hand."""

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.layers import Dense
from mnist_np.nn.mlp import MLP
from mnist_np.nn.network import Network
from mnist_np.nn.norms import BatchNorm, LayerNorm


def alone(layer):
    """A float64 network of one layer."""
    return Network([layer], np.random.default_rng(0), np.float64)


def test_batch_norm_trains_on_the_batch_and_infers_by_running_statistics():
    # One unit, batch (1, 3, 8): mean 4, variance 26/3 (biased), 13 (with m - 1).
    network = alone(BatchNorm(1, momentum=0.75, epsilon=1 / 3))
    network.arrays()["gamma0"][:], network.arrays()["beta0"][:] = 2, 10
    X = np.array([[1.0], [3.0], [8.0]])
    Y, _ = network.forward(X, np.random.default_rng(0))
    np.testing.assert_allclose(Y[:, 0], [10 + 2 * -3 / 3, 10 + 2 * -1 / 3, 10 + 2 * 4 / 3])  # sd = sqrt(26/3 + 1/3) = 3
    assert network.arrays()["mean0"][0] == pytest.approx(0.75 * 0 + 0.25 * 4)
    assert network.arrays()["variance0"][0] == pytest.approx(0.75 * 1 + 0.25 * 13)
    # Inference: (5 - 1) / sqrt(4 + 1/3) * 2 + 10, whatever else is in the batch.
    expected = 10 + 2 * 4 / np.sqrt(4 + 1 / 3)
    assert network.forward(np.array([[5.0]]))[0][0, 0] == pytest.approx(expected)
    assert network.forward(np.array([[5.0], [100.0]]))[0][0, 0] == pytest.approx(expected)
    assert network.arrays()["mean0"][0] == pytest.approx(1), "inference remembers nothing"


def test_batch_norm_of_a_single_example_and_of_a_constant_unit_is_beta():
    for X in (np.array([[7.0, -1.0]]), np.full((5, 2), 7.0)):
        network = alone(BatchNorm(2))
        network.arrays()["beta0"][:] = 3
        np.testing.assert_allclose(network.forward(X, np.random.default_rng(0))[0], 3)
        assert np.isfinite(network.state).all()


@pytest.mark.parametrize("engine", ["fast", "textbook"])
def test_a_last_batch_of_one_example_leaves_the_running_statistics(engine):
    """One example has no variance: with 0 for it the validation loss was forty times what it is."""
    losses = []
    for size in (128, 129):
        training = Training(epochs=3, batch_size=32, select="last", engine=engine)
        model, data = MLP(hidden=[16], norm="batch", norm_momentum=0.0), Synthetic(train_size=size)
        losses.append(run(Experiment(model=model, data=data, training=training)).history[-1]["val/loss"])
    assert losses[1] < 1.5 * losses[0]


def test_running_statistics_come_to_those_of_the_data():
    rng, network = np.random.default_rng(0), alone(BatchNorm(3, momentum=0.95))
    for _ in range(400):
        network.forward(rng.normal([1, -2, 5], [1, 2, 3], (64, 3)), rng)
    np.testing.assert_allclose(network.arrays()["mean0"], [1, -2, 5], atol=0.25)
    np.testing.assert_allclose(network.arrays()["variance0"], [1, 4, 9], rtol=0.15)


def test_layer_norm_is_the_same_in_training_and_inference():
    network = alone(LayerNorm(4, epsilon=0.75))
    network.arrays()["gamma0"][:], network.arrays()["beta0"][:] = [1, 2, 3, 4], [0, 0, 0, 10]
    X = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]])  # first row: mean 2.5, variance 1.25, sd = sqrt(1.25 + .75)
    expected = [np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(2) * [1, 2, 3, 4] + [0, 0, 0, 10], [0, 0, 0, 10]]
    np.testing.assert_allclose(network.forward(X)[0], expected)
    np.testing.assert_allclose(network.forward(X, np.random.default_rng(0))[0], expected)


def test_norm_parameters_are_no_weights():
    network = MLP(hidden=[6], norm="batch").build(4, 3, np.random.default_rng(0))
    assert {spec.name for spec in network.specs if spec.is_weight} == {"W1", "W2"}
    assert {spec.name for spec in network.specs} == {"W1", "b1", "gamma1", "beta1", "W2", "b2"}
    assert {spec.name for spec in network.state_specs} == {"mean1", "variance1"}
    assert isinstance(network.layers[0], Dense)
