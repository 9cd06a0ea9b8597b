"""The numeric check of backpropagation: a loop over one vector."""

from __future__ import annotations

import numpy as np

from mnist_np.nn.arrays import Array
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network


def numeric_gradient(network: Network, X: Array, Y: Array, loss: Loss, seed: int = 0, epsilon: float = 1e-6) -> Array:
    """dJ/dp for every parameter p by central differences, (J(p + e) - J(p - e)) / 2e. Use a float64 network.

    Each evaluation is a training pass with the same random numbers (``seed``), so that dropout and noise stay put.
    """
    gradient = np.empty_like(network.params)
    state = network.state.copy()

    def value_at(i: int, p: float) -> float:
        network.params[i] = p
        network.state[:] = state
        Z, _ = network.forward(X, np.random.default_rng(seed))
        return loss(Z, Y)[0]

    for i, p in enumerate(network.params.copy()):
        gradient[i] = (value_at(i, p + epsilon) - value_at(i, p - epsilon)) / (2 * epsilon)
        network.params[i] = p
    network.state[:] = state
    return gradient


def gradient_error(network: Network, X: Array, Y: Array, loss: Loss, seed: int = 0) -> float:
    """|g - g_numeric| / (|g| + |g_numeric|) in the L2 norm: below 1e-6 in float64 when backpropagation is right."""
    state = network.state.copy()
    network.loss_and_gradients(X, Y, loss, np.random.default_rng(seed))
    network.state[:] = state
    analytic = network.grads.copy()
    numeric = numeric_gradient(network, X, Y, loss, seed)
    size = float(np.linalg.norm(analytic)) + float(np.linalg.norm(numeric))
    return float(np.linalg.norm(analytic - numeric)) / size if size else 0.0
