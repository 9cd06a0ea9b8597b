"""Dropout and Gaussian noise: their expectation, their gradients' masks, and that inference knows nothing of them."""

import numpy as np
import pytest

from mnist_np.nn.mlp import MLP
from mnist_np.nn.noise import Dropout, GaussianNoise


def passed(layer, X, seed=0):
    """Y and the cache of one training pass."""
    return layer.forward(X, np.random.default_rng(seed))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_dropout_keeps_the_expectation(rate, dtype):
    X = np.full((1000, 200), 3, dtype)
    Y, _ = passed(Dropout(200, rate), X)
    n, keep = X.size, 1 - rate
    assert set(np.unique(Y != 0)) == {False, True}
    # The share kept is binomial, sd sqrt(keep * rate / n): five of them.
    assert np.count_nonzero(Y) / n == pytest.approx(keep, abs=5 * np.sqrt(keep * rate / n))
    assert Y.mean(dtype=float) == pytest.approx(3, abs=5 * 3 * np.sqrt(rate / keep / n))
    assert np.unique(Y)[-1] == pytest.approx(3 / keep, rel=1e-3)


def test_dropout_draws_each_unit_and_each_step_anew():
    X, layer, rng = np.ones((64, 30), np.float32), Dropout(30, 0.5), np.random.default_rng(0)
    masks = [layer.forward(X, rng)[0] > 0 for _ in range(2)]
    assert 0.4 < np.mean(masks[0] == masks[1]) < 0.6
    correlations = np.corrcoef(np.hstack(masks).T.astype(float))
    assert np.abs(correlations - np.eye(60)).max() < 5 / np.sqrt(64)


def test_dropout_sends_gradients_back_through_what_it_kept():
    X = np.ones((50, 7), np.float32)
    layer = Dropout(7, 0.3)
    Y, mask = passed(layer, X)
    np.testing.assert_array_equal(layer.backward(mask, np.full_like(X, 2)), 2 * Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaussian_noise_has_mean_zero_and_its_sd(dtype):
    X = np.full((1000, 200), 5, dtype)
    Y, _ = passed(GaussianNoise(200, 0.3), X)
    noise = (Y - X).astype(float)
    n = noise.size
    assert noise.mean() == pytest.approx(0, abs=5 * 0.3 / np.sqrt(n))
    assert noise.std() == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(2 * n))
    assert np.mean(noise**4) / 0.3**4 == pytest.approx(3, rel=0.05)  # the kurtosis of a normal


def test_inference_leaves_them_out_and_training_does_not():
    noisy = MLP(hidden=[20], dropout=0.5, input_dropout=0.2, noise=0.3, input_noise=0.1)
    network, plain = noisy.build(10, 4, np.random.default_rng(0)), MLP(hidden=[20]).build(10, 4, np.random.default_rng(0))
    X = np.random.default_rng(1).standard_normal((8, 10), dtype=np.float32)
    np.testing.assert_array_equal(network.forward(X)[0], plain.forward(X)[0])
    assert not np.allclose(network.forward(X, np.random.default_rng(2))[0], plain.forward(X)[0])
    assert X.tobytes() == np.random.default_rng(1).standard_normal((8, 10), dtype=np.float32).tobytes(), "the input is untouched"


def test_the_same_stream_gives_the_same_pass():
    network = MLP(hidden=[20], dropout=0.5, noise=0.3).build(10, 4, np.random.default_rng(0))
    X = np.ones((8, 10), np.float32)
    first, _ = network.forward(X, np.random.default_rng(2))
    np.testing.assert_array_equal(first, network.forward(X, np.random.default_rng(2))[0])
