"""Initialisers: the moments of what they draw, and what the variances are for."""

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.nn.initializers import INITIALIZERS, Auto, Constant, Normal, Orthogonal, Sparse, Uniform
from mnist_np.nn.mlp import MLP

N_IN, N_OUT = 400, 300


def drawn(init, n_in=N_IN, n_out=N_OUT, seed=0):
    return init(n_in, n_out, np.random.default_rng(seed))


VARIANCES = {
    "he_normal": 2 / N_IN,
    "he_uniform": 2 / N_IN,
    "xavier": 1 / N_IN,
    "glorot_normal": 2 / (N_IN + N_OUT),
    "glorot_uniform": 2 / (N_IN + N_OUT),
    "lecun_normal": 1 / N_IN,
    "normal": 0.01**2,
    "uniform": 0.05**2 / 3,
    "sparse": 15 / N_IN,
}


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_variance_and_kurtosis(name):
    W = drawn(INITIALIZERS[name]())
    n, variance = W.size, VARIANCES[name]
    kurtosis = 1.8 if "uniform" in name else 3 * N_IN / 15 if name == "sparse" else 3.0
    assert W.shape == (N_IN, N_OUT)
    assert W.mean() == pytest.approx(0, abs=5 * np.sqrt(variance / n))
    assert W.var() == pytest.approx(variance, rel=5 * np.sqrt((kurtosis - 1) / n))
    assert np.mean(W**4) / W.var() ** 2 == pytest.approx(kurtosis, rel=0.05)


@pytest.mark.parametrize("name", [name for name in VARIANCES if "uniform" in name])
def test_uniform_ones_stay_within_their_range(name):
    W = drawn(INITIALIZERS[name]())
    r = np.sqrt(3 * VARIANCES[name])
    assert 0.999 * r < np.abs(W).max() <= r


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (25, 25)])
def test_orthogonal_is_orthonormal_and_uniform(shape):
    W = drawn(Orthogonal(), *shape)
    gram = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-13)
    diagonals = [np.diag(drawn(Orthogonal(), 3, 3, seed)) for seed in range(400)]
    assert np.mean(diagonals) == pytest.approx(0, abs=5 / np.sqrt(3 * 400 * 3)), "no sign is preferred"


def test_sparse_has_its_connections():
    W = drawn(Sparse(connections=7, std=2))
    assert (np.count_nonzero(W, axis=0) == 7).all()
    assert W[W != 0].std() == pytest.approx(2, rel=0.1)
    assert len(set(np.nonzero(W[:, 0])[0]) & set(np.nonzero(W[:, 1])[0])) < 7, "units differ in which"
    assert np.count_nonzero(drawn(Sparse(connections=7), 5, 4)) == 20, "no more than there are inputs"


def test_constants():
    assert (drawn(Constant(value=0.25)) == 0.25).all()
    assert not drawn(INITIALIZERS["zeros"]()).any()


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "auto"])
def test_scale_multiplies_and_bias_fills(name):
    kind = INITIALIZERS[name]
    np.testing.assert_allclose(drawn(kind(scale=3)), 3 * drawn(kind()))
    network = MLP(hidden=[4]).build(5, 3, np.random.default_rng(0), init=kind(bias=0.5))
    assert (network.arrays()["b1"] == 0.5).all()
    assert (network.arrays()["b2"] == 0.5).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_auto_asks_the_activation(name):
    networks = [
        MLP(hidden=[50]).build(40, 10, np.random.default_rng(0), ACTIVATIONS[name](), init)
        for init in (Auto(scale=2, bias=0.5), INITIALIZERS[ACTIVATIONS[name].init](scale=2, bias=0.5))
    ]
    np.testing.assert_array_equal(networks[0].arrays()["W1"], networks[1].arrays()["W1"])
    assert (networks[0].arrays()["b1"] == 0.5).all()
    assert networks[0].arrays()["W2"].std() == pytest.approx(2 * np.sqrt(1 / 50), rel=0.15), "the output is linear: xavier"


@pytest.mark.parametrize(("activation", "init"), [("relu", "he_normal"), ("relu", "he_uniform"), ("selu", "lecun_normal")])
def test_the_signal_keeps_its_size_through_many_layers(activation, init):
    rng = np.random.default_rng(0)
    model = MLP(hidden=[400] * 8)
    X = rng.standard_normal((200, 400)).astype(np.float32)
    logits = model.build(400, 400, rng, ACTIVATIONS[activation](), INITIALIZERS[init]()).logits(X)
    assert 0.3 < np.mean(logits**2) / np.mean(X**2) < 3


def test_both_precisions_start_alike():
    one, two = (MLP(hidden=[4]).build(5, 3, np.random.default_rng(0), dtype=dtype) for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(one.params, two.params.astype(np.float32))


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: Normal(std=-1), "init.std"),
        (lambda: Uniform(range=-1), "init.range"),
        (lambda: Sparse(connections=0), "init.connections"),
        (lambda: Auto(scale=0), "init.scale"),
    ],
)
def test_a_mistake_is_named(make, key):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.key == key
