"""The model: which layers its fields give, what they refuse, and a step of training worked out by hand."""

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.nn.activations import Identity, Sigmoid
from mnist_np.nn.initializers import Normal
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.maxout import Maxout
from mnist_np.nn.mlp import MLP


def layers_of(**fields):
    network = MLP(**fields).build(7, 3, np.random.default_rng(0))
    return " ".join(f"{type(layer).__name__}{layer.n_out}" for layer in network.layers)


@pytest.mark.parametrize(
    ("fields", "layers"),
    [
        ({"hidden": []}, "Dense3"),
        ({"hidden": [5]}, "Dense5 Activate5 Dense3"),
        ({"hidden": [5], "dropout": 0.5, "input_dropout": 0.2}, "Dropout7 Dense5 Activate5 Dropout5 Dense3"),
        ({"hidden": [5, 4], "dropout": [0, 0.5]}, "Dense5 Activate5 Dense4 Activate4 Dropout4 Dense3"),
        ({"hidden": [5], "noise": [0.5], "input_noise": 1}, "GaussianNoise7 Dense5 GaussianNoise5 Activate5 Dense3"),
        ({"hidden": [5], "norm": "batch", "noise": 0.5}, "Dense5 BatchNorm5 GaussianNoise5 Activate5 Dense3"),
        ({"hidden": [5], "norm": "layer", "norm_output": True}, "Dense5 LayerNorm5 Activate5 Dense3 LayerNorm3"),
        (
            {"hidden": [5], "norm": "batch", "norm_position": "after", "dropout": 0.1},
            "Dense5 Activate5 BatchNorm5 Dropout5 Dense3",
        ),
    ],
    ids=str,
)
def test_fields_give_layers_in_this_order(fields, layers):
    assert layers_of(**fields) == layers


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"hidden": [5, 4], "dropout": [0.5]}, "model.dropout"),
        ({"dropout": 1.0}, "model.dropout"),
        ({"dropout": "much"}, "model.dropout"),
        ({"dropout": True}, "model.dropout"),
        ({"hidden": [5], "noise": [0.1, 0.2]}, "model.noise"),
        ({"hidden": [5], "max_norm": [1.0]}, "model.max_norm"),
        ({"max_norm": 0}, "model.max_norm"),
        ({"max_norm": True}, "model.max_norm"),
        ({"hidden": [5], "noise": [False]}, "model.noise"),
        ({"noise": float("nan")}, "model.noise"),
        ({"norm": "bach"}, "model.norm"),
        ({"norm_output": True}, "model.norm_output"),
        ({"init_output": "hee_normal"}, "model.init_output"),
        ({"hidden": [5], "activations": ["rellu"]}, "model.activations"),
        ({"hidden": [5], "inits": ["zeros", "zeros"]}, "model.inits"),
    ],
    ids=str,
)
def test_a_mistake_is_named(fields, key):
    with pytest.raises(ConfigError) as caught:
        MLP(**fields)
    assert caught.value.key == key


@pytest.mark.parametrize("norm_position", ["before", "after"])
def test_maxout_units_have_pieces_up_to_the_activation(norm_position):
    model = MLP(hidden=[5], norm="batch", norm_position=norm_position, noise=0.1, dropout=0.5)
    network = model.build(7, 3, np.random.default_rng(0), Maxout(pieces=4))
    layers = " ".join(f"{type(layer).__name__}{layer.n_out}" for layer in network.layers)
    norm = {"before": "BatchNorm20 GaussianNoise20 Activate5", "after": "GaussianNoise20 Activate5 BatchNorm5"}[norm_position]
    assert layers == f"Dense20 {norm} Dropout5 Dense3"
    assert repr(MLP(hidden=[5]).build(7, 3, None, Maxout(4))) == "Network(7 -> 20 Maxout -> 5 -> 3; 178 parameters, float32)"


@pytest.mark.parametrize("hidden", [[], [5], [5, 4]], ids=str)
@pytest.mark.parametrize("g", [Sigmoid(), Maxout(pieces=3)], ids=str)
def test_the_shapes_of_the_weights_are_known_before_they_are_made(hidden, g):
    for model in (MLP(hidden=hidden), MLP(hidden=hidden, activations=["maxout", None][: len(hidden)])):
        built = [spec.shape for spec in model.build(7, 3, None, g).specs if spec.is_weight]
        assert model.weight_shapes(7, 3, g) == built


def test_choices_by_layer():
    model = MLP(hidden=[50, 40], inits=["zeros", None], init_output="normal", activations=[None, "tanh"])
    network = model.build(30, 20, np.random.default_rng(0), Sigmoid(), Normal(std=5))
    weights = [network.arrays()[f"W{i}"] for i in (1, 2, 3)]
    assert not weights[0].any()
    assert weights[1].std() == pytest.approx(5, rel=0.1)
    assert weights[2].std() == pytest.approx(Normal().std, rel=0.1)
    assert [type(layer.activation).__name__ for layer in network.layers if hasattr(layer, "activation")] == ["Sigmoid", "Tanh"]


def test_max_norm_shortens_long_columns_and_leaves_short_ones():
    network = MLP(hidden=[2], max_norm=[5, None]).build(2, 2, np.random.default_rng(0), dtype=np.float64)
    W1, W2 = network.arrays()["W1"], network.arrays()["W2"]
    W1[:], W2[:] = [[6, 3], [8, 0]], 100
    network.constrain()
    np.testing.assert_allclose(W1, [[3, 3], [4, 0]])  # the first column had length 10, the second 3
    assert (W2 == 100).all()


def test_backward_takes_any_derivative_by_the_logits():
    network = MLP(hidden=[3]).build(2, 2, np.random.default_rng(0), dtype=np.float64)
    rng = np.random.default_rng(1)
    X, dZ = rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    _, caches = network.forward(X, rng)
    network.backward(caches, dZ)
    np.testing.assert_allclose(network.layers[-1].grads["b"], dZ.sum(axis=0))


def test_a_step_worked_out_by_hand():
    """Two inputs, two linear hidden units, two classes; the numbers are those of pencil and paper."""
    network = MLP(hidden=[2]).build(2, 2, np.random.default_rng(0), Identity(), dtype=np.float64)
    arrays = network.arrays()
    arrays["W1"][:], arrays["b1"][:] = [[1, 0], [0, 1]], [1, -1]
    arrays["W2"][:], arrays["b2"][:] = [[1, 0], [0, 1]], [0, 0]
    X, Y = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    # A1 = (2, 1), (1, -1) = Z2. Softmax of a difference d: p = 1 / (1 + e^-d), here d = 1 and 2.
    p, q = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))
    J = network.loss_and_gradients(X, Y, CrossEntropy(), np.random.default_rng(0))
    assert pytest.approx((-np.log(p) - np.log(1 - q)) / 2) == J
    d1, d2 = (p - 1) / 2, q / 2  # dZ2 = (d1, -d1), (d2, -d2)
    grads = {spec.name: spec.view(network.grads) for spec in network.specs}
    np.testing.assert_allclose(grads["W2"], [[2 * d1 + d2, -2 * d1 - d2], [d1 - d2, d2 - d1]])
    np.testing.assert_allclose(grads["b2"], [d1 + d2, -d1 - d2])
    np.testing.assert_allclose(grads["W1"], [[d1, -d1], [2 * d1, -2 * d1]])  # W2 is the identity, so dZ1 = dZ2
    np.testing.assert_allclose(grads["b1"], [d1 + d2, -d1 - d2])
    network.params -= 0.5 * network.grads
    np.testing.assert_allclose(arrays["W1"], [[1 - 0.5 * d1, 0.5 * d1], [-d1, 1 + d1]])
