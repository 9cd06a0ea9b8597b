"""Virtual adversarial training: its gradient by differences, its directions by eigenvectors, the same by both engines."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.dataset import Split
from mnist_np.data.sources import MNIST, Synthetic
from mnist_np.engine.fast import FastEngine
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activations import Tanh
from mnist_np.nn.adversarial import kl_divergence, perturbation, unit
from mnist_np.nn.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError, softmax
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import LBFGS, SGD
from mnist_np.training.adversarial import VirtualAdversarial

M, N = 6, 5
NETWORKS = [{}, {"norm": "batch", "norm_output": True}, {"dropout": 0.3, "input_dropout": 0.2, "noise": 0.2, "input_noise": 0.1}]


def prepared(seed=1, **model):
    """A float64 network at random parameters, and inputs in three classes."""
    rng = np.random.default_rng(seed)
    network = MLP(**{"hidden": [7, 4]} | model).build(N, 3, rng, Tanh(), dtype=np.float64)
    network.params += 0.3 * rng.standard_normal(network.params.shape)
    return network, Split.pack(rng.standard_normal((M, N)), np.arange(M) % 3, 3)


@pytest.mark.parametrize("engine", [TextbookEngine, FastEngine])
@pytest.mark.parametrize("model", NETWORKS, ids=str)
def test_the_gradient_is_that_of_loss_and_divergence_with_answer_and_direction_held(model, engine):
    network, batch = prepared(**model)
    training = Training(vat=0.7, vat_weight=1.5, vat_steps=2, vat_xi=1e-3)
    loss = CrossEntropy(label_smoothing=0.1)
    work = engine(network, loss, SGD(), training)
    before = network.state.copy()
    made = VirtualAdversarial(training, work)
    J = made.loss_and_gradients(batch, np.random.default_rng(3), np.random.default_rng(4))
    exact, after = network.grads.copy(), network.state.copy()

    X, Y = batch.X.astype(np.float64), batch.Y.astype(np.float64)

    def forward(X):
        network.state[:] = before
        return network.forward(X, np.random.default_rng(3))

    Z = forward(X)[0]
    np.testing.assert_allclose(network.state, after, rtol=1e-13, err_msg="the running statistics have seen the inputs alone")
    np.testing.assert_allclose(work.logits, Z, rtol=1e-12)
    assert loss(Z, Y)[0] == pytest.approx(J, rel=1e-12)

    def slope(X):
        Z_r, caches = forward(X)
        return network.backward(caches, kl_divergence(Z, Z_r)[1])

    r = perturbation(slope, X, np.random.default_rng(4).standard_normal((M, N)), 0.7, 1e-3, 2)
    np.testing.assert_allclose(np.linalg.norm(r, axis=1), 0.7)

    def value():
        return loss(forward(X)[0], Y)[0] + 1.5 * kl_divergence(Z, forward(X + r)[0])[0]

    for i, p in enumerate(network.params.copy()):
        network.params[i] = p + 1e-6
        right = value()
        network.params[i] = p - 1e-6
        assert (right - value()) / 2e-6 == pytest.approx(exact[i], rel=1e-5, abs=1e-8)
        network.params[i] = p


def test_the_divergence_is_that_of_its_formula():
    rng = np.random.default_rng(0)
    Z_p, Z = rng.standard_normal((2, 4, 3))
    P, A = softmax(Z_p), softmax(Z)
    J, dZ = kl_divergence(Z_p, Z)
    assert pytest.approx((P * np.log(P / A)).sum(axis=1).mean()) == J
    np.testing.assert_allclose(dZ, (A - P) / 4)
    assert kl_divergence(Z, Z)[0] == 0
    sure = np.array([[0, 2000.0]])
    assert kl_divergence(sure, sure) == (0, pytest.approx(np.zeros((1, 2))))


def slope_of(network, Z):
    """The divergence's derivative by the inputs, from the answers Z."""

    def slope(X):
        Z_r, caches = network.forward(X)
        return network.backward(caches, kl_divergence(Z, Z_r)[1])

    return slope


def hessian(slope, x, h=1e-4):
    """The second derivatives of the divergence at r = 0, by differences."""
    return np.array([(slope(x + h * e) - slope(x - h * e))[0] / (2 * h) for e in np.eye(N)])


def test_the_power_method_finds_the_dominant_eigenvector():
    network, batch = prepared()
    for x in batch.X[:, None]:
        slope = slope_of(network, network.forward(x)[0])
        values, vectors = np.linalg.eigh(hessian(slope, x))
        assert (values > -1e-6).all(), "at its minimum"
        cosine = [
            abs(
                float(
                    perturbation(slope, x, np.random.default_rng(7).standard_normal((1, N)), 1, 1e-4, steps)[0] @ vectors[:, -1]
                )
            )
            for steps in (1, 60)
        ]
        assert cosine[1] > 0.999
        assert cosine[0] > abs(float(unit(np.random.default_rng(7).standard_normal((1, N)))[0] @ vectors[:, -1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths_of_tiny_and_of_no_directions(dtype):
    D = unit(np.array([[3e-30, 4e-30], [0, 0], [3e30, -4e30]], dtype))
    assert D.dtype == dtype
    np.testing.assert_allclose(D, [[0.6, 0.8], [0, 0], [0.6, -0.8]], rtol=1e-6)


def test_float32_finds_the_direction_of_float64_with_the_default_xi():
    """With xi = 1e-6 (in float32) the divergence's gradient is rounding."""
    data = MNIST(train_size=2000, validation_size=100)
    result = run(Experiment(data=data, training=Training(epochs=3), model=MLP(hidden=[100, 50], norm="batch")))
    exact = MLP(hidden=[100, 50], norm="batch").build(784, 10, None, dtype=np.float64)
    exact.params[:], exact.state[:] = result.network.params, result.network.state
    X = result.data.test.X[:100]
    D = np.random.default_rng(0).standard_normal(X.shape)
    found = {}
    for network in (result.network, exact):
        for xi in (1e-6, Training().vat_xi):
            one = X.astype(network.dtype)
            slope = slope_of(network, network.forward(one)[0])
            found[network is exact, xi] = perturbation(slope, one, D.astype(network.dtype), 1, xi, 1)
    reference = found[True, 1e-6]
    cosines = {key: np.median((r * reference).sum(axis=1)) for key, r in found.items()}
    assert cosines[False, Training().vat_xi] > 0.99, cosines
    assert cosines[False, 1e-6] < cosines[False, Training().vat_xi]


def test_the_network_answers_more_alike_around_its_inputs():
    """The divergence at a distance that the training was against is several times smaller."""
    data = MNIST(train_size=1000, validation_size=100)
    divergences = []
    for vat in (0.0, 1.0):
        result = run(Experiment(data=data, training=Training(epochs=5, vat=vat), seed=1))
        assert result.status == "finished"
        network, X = result.network, result.data.test.X[:500]
        Z = network.forward(X)[0]
        D = np.random.default_rng(0).standard_normal(X.shape).astype(X.dtype)
        R = perturbation(slope_of(network, Z), X, D, 1, 0.01, 3)
        divergences.append(kl_divergence(Z, network.forward(X + R)[0])[0])
    assert divergences[1] < divergences[0] / 2, divergences


def test_the_reported_loss_is_without_the_divergence():
    experiment = Experiment(data=Synthetic(), training=Training(epochs=1, vat=0.5, batch_size=1000))
    plain = replace(experiment, training=replace(experiment.training, vat=0.0))
    assert run(experiment).history[0]["train/loss"] == run(plain).history[0]["train/loss"]


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"loss": BinaryCrossEntropy()}, "BinaryCrossEntropy"),
        ({"loss": MeanSquaredError()}, "MeanSquaredError"),
        ({"optimizer": LBFGS()}, "line search"),
    ],
)
def test_what_makes_no_sense_is_refused(parts, word):
    with pytest.raises(ConfigError, match=rf"training\.vat = 2\.0: must be 0.*{word}"):
        Experiment(training=Training(vat=2.0), **parts)
