"""Backpropagation against float64 central differences, for every pairing of parts that can interact."""

import numpy as np
import pytest

from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.nn.gradient_check import gradient_error
from mnist_np.nn.losses import LOSSES, CrossEntropy, Distillation, Focal, MeanSquaredError
from mnist_np.nn.mlp import MLP

M, N_IN, N_OUT = 6, 5, 4
NORMS = [("none", "before"), ("batch", "before"), ("batch", "after"), ("layer", "before"), ("layer", "after")]


def error(model: MLP, loss=None, activation="relu", seed=0) -> float:
    """The relative error of the gradient of a float64 network at random parameters, so that no ReLU sits at its kink."""
    rng = np.random.default_rng(seed)
    network = model.build(N_IN, N_OUT, rng, ACTIVATIONS[activation](), dtype=np.float64)
    network.params += 0.3 * rng.standard_normal(network.params.shape)
    X, Y = rng.standard_normal((M, N_IN)), rng.dirichlet(np.ones(N_OUT), M)  # soft targets: no loss may assume one-hot
    if isinstance(loss, Distillation):
        Y = np.hstack([Y, rng.dirichlet(np.ones(N_OUT), M)])  # the teacher's opinion
    return gradient_error(network, X, Y, loss or CrossEntropy())


@pytest.mark.parametrize("hidden", [[], [5], [5, 4], [5, 4, 3], [4, 3, 4, 3]], ids=lambda hidden: f"depth{len(hidden)}")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_at_every_depth(activation, hidden):
    assert error(MLP(hidden=hidden), activation=activation) < 1e-6


@pytest.mark.parametrize(("norm", "position"), NORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_between_norm_noise_and_dropout(activation, norm, position):
    model = MLP(hidden=[5, 4], norm=norm, norm_position=position, dropout=0.3, noise=0.2, input_dropout=0.2, input_noise=0.1)
    assert error(model, activation=activation) < 1e-6


@pytest.mark.parametrize(("norm", "position"), NORMS)
@pytest.mark.parametrize("disturbed", [{"dropout": 0.4}, {"noise": [0.0, 0.5]}, {"input_dropout": 0.4}, {"input_noise": 0.3}])
def test_every_norm_with_every_disturbance(norm, position, disturbed):
    model = MLP(hidden=[5, 4], norm=norm, norm_position=position, norm_output=norm != "none", **disturbed)
    assert error(model) < 1e-6


LOSS_CASES = [
    *(LOSSES[name]() for name in LOSSES),
    CrossEntropy(label_smoothing=0.1),
    CrossEntropy(confidence_penalty=0.7, label_smoothing=0.2),
    MeanSquaredError(output="softmax"),
    MeanSquaredError(output="identity"),
    Focal(gamma=0.5),
    Distillation(temperature=3, weight=0.3),
]


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("loss", LOSS_CASES, ids=str)
def test_every_loss_over_every_output(loss, norm):
    assert error(MLP(hidden=[4], norm=norm, norm_output=norm != "none", dropout=0.2), loss, "tanh") < 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSS_CASES, ids=str)
def test_every_loss_over_every_activation(loss, activation):
    assert error(MLP(hidden=[4], norm="batch", norm_position="after", noise=0.1), loss, activation) < 1e-6


def test_the_check_notices_a_wrong_gradient():
    class Doubled(CrossEntropy):
        def __call__(self, Z, Y):
            J, dZ = super().__call__(Z, Y)
            dZ[0] *= 1.001
            return J, dZ

    assert error(MLP(hidden=[4]), Doubled()) > 1e-6
