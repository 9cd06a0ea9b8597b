"""Ten epochs of the default network against an implementation of its own, written plainly and in float64, loss by loss."""

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import MNIST
from mnist_np.experiment import Experiment, Training
from mnist_np.streams import Streams
from mnist_np.training.events import Observer


def reference(data, W1, b1, W2, b2, W3, b3, alpha, epochs=10, batch_size=64, seed=0):
    """784-128-64-10, ReLU, softmax and cross-entropy, mini-batch gradient descent: the loss of every step, and of every epoch
    on the validation split. Of the project it uses the data, the first weights and the order of the examples."""
    X_train, Y_train = data.train.X.astype(np.float64), data.train.Y.astype(np.float64)
    X_val, Y_val = data.val.X.astype(np.float64), data.val.Y.astype(np.float64)

    def forward(X):
        Z1 = X @ W1 + b1
        A1 = np.maximum(Z1, 0)
        Z2 = A1 @ W2 + b2
        A2 = np.maximum(Z2, 0)
        Z3 = A2 @ W3 + b3
        E = np.exp(Z3 - Z3.max(axis=1, keepdims=True))
        return Z1, A1, Z2, A2, E / E.sum(axis=1, keepdims=True)

    def cross_entropy(A, Y):
        return -np.mean(np.sum(Y * np.log(A), axis=1))

    losses, val_losses = [], []
    for epoch in range(epochs):
        order = Streams(seed)("shuffle", epoch).permutation(len(X_train))
        for start in range(0, len(order), batch_size):
            X, Y = X_train[order[start : start + batch_size]], Y_train[order[start : start + batch_size]]
            m = len(X)
            Z1, A1, Z2, A2, A3 = forward(X)
            losses.append(cross_entropy(A3, Y))
            dZ3 = A3 - Y
            dZ2 = (dZ3 @ W3.T) * (Z2 > 0)
            dZ1 = (dZ2 @ W2.T) * (Z1 > 0)
            W3, b3 = W3 - alpha * A2.T @ dZ3 / m, b3 - alpha * dZ3.sum(axis=0) / m
            W2, b2 = W2 - alpha * A1.T @ dZ2 / m, b2 - alpha * dZ2.sum(axis=0) / m
            W1, b1 = W1 - alpha * X.T @ dZ1 / m, b1 - alpha * dZ1.sum(axis=0) / m
        val_losses.append(cross_entropy(forward(X_val)[-1], Y_val))
    return np.array(losses), np.array(val_losses)


class Losses(Observer):
    observes_steps = True

    def __init__(self):
        self.steps, self.validation = [], []

    def on_step(self, event):
        self.steps.append(event.loss)

    def on_epoch(self, event):
        self.validation.append(event.metrics["val/loss"])


def both(train_size, dtype):
    """Ours (an observer's record) and the reference's losses of steps and epochs, from the same first weights."""
    experiment = Experiment(data=MNIST(train_size=train_size), training=Training(dtype=dtype))
    data = experiment.load_data()
    first = {name: array.astype(np.float64) for name, array in experiment.build_network(784, 10).arrays().items()}
    assert [first[name].shape for name in ("W1", "W2", "W3")] == [(784, 128), (128, 64), (64, 10)]
    ours = Losses()
    run(experiment, [ours], data=data)
    losses, val_losses = reference(data, **first, alpha=experiment.optimizer.lr)
    assert len(ours.steps) == len(losses) == 10 * -(-len(data.train) // 64)
    assert losses[-20:].mean() < 0.4, "the two are not only equal: they learn"
    return ours, losses, val_losses


@pytest.mark.parametrize("train_size", [3000, pytest.param(None, marks=pytest.mark.slow)])
def test_ten_epochs_of_the_default_network_loss_by_loss(train_size):
    """Largest differences measured: 7e-16, and 1e-13 over the 7,820 steps of whole epochs."""
    ours, losses, val_losses = both(train_size, "float64")
    np.testing.assert_allclose(ours.steps, losses, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(ours.validation, val_losses, rtol=1e-11, atol=1e-11)


def test_the_same_in_float32():
    """Rounding errors grow from step to step, and a unit that falls on the other side of ReLU's kink makes them jump: so batch
    by batch for the first hundred, and then epoch by epoch."""
    ours, losses, val_losses = both(3000, "float32")
    np.testing.assert_allclose(ours.steps[:100], losses[:100], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.reshape(ours.steps, (10, -1)).mean(1), losses.reshape(10, -1).mean(1), rtol=0.02, atol=0.002)
    np.testing.assert_allclose(ours.validation, val_losses, rtol=0.02)
