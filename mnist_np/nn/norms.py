"""Layers that normalise: each unit over the batch (batch norm), or each example over its units (layer norm)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Layer

Cache: TypeAlias = tuple[Array, Array]
"""What backward needs: the normalised X^ (m, n) and the standard deviations, (n,) or (m, 1)."""


class Norm(Layer):
    """Y = gamma * X^ + beta with X^ = (X - mean) / sd, sd = sqrt(variance + epsilon), gamma and beta (n,) trained."""

    def __init__(self, n: int, epsilon: float = 1e-5) -> None:
        super().__init__(n, n)
        self.epsilon = epsilon
        self.shapes = {"gamma": (n,), "beta": (n,)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.params["gamma"][:] = 1
        self.params["beta"][:] = 0

    def scale_and_shift(self, X_hat: Array) -> Array:
        """Y = gamma * X^ + beta."""
        return self.params["gamma"] * X_hat + self.params["beta"]

    def grads_of_scale_and_shift(self, X_hat: Array, dY: Array) -> Array:
        """dX^ = gamma * dY; dgamma and dbeta are sums over the batch."""
        self.set_grads(gamma=(dY * X_hat).sum(axis=0), beta=dY.sum(axis=0))
        return self.params["gamma"] * dY


class BatchNorm(Norm):
    """Batch norm: Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, mean and variance of each unit over the batch (Ioffe &
    Szegedy 2015, algorithms 1 and 2).

    Inference uses running statistics: r <- momentum * r + (1 - momentum) * (the batch's), the variance with m - 1.
    """

    def __init__(self, n: int, momentum: float = 0.9, epsilon: float = 1e-5) -> None:
        super().__init__(n, epsilon)
        self.momentum = momentum
        self.state_shapes = {"mean": (n,), "variance": (n,)}

    def initialize(self, rng: np.random.Generator) -> None:
        super().initialize(rng)
        self.state["mean"][:] = 0
        self.state["variance"][:] = 1

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, Cache]:
        if rng is None:
            mean, variance = self.state["mean"], self.state["variance"]
        else:
            mean, variance = X.mean(axis=0), X.var(axis=0)
            self.update_statistics(mean, variance, len(X))
        sd = np.sqrt(variance + self.epsilon)
        X_hat = (X - mean) / sd
        return self.scale_and_shift(X_hat), (X_hat, sd)

    def update_statistics(self, mean: Array, variance: Array, m: int) -> None:
        """Move the running statistics towards those of a batch of m examples."""
        unbiased = variance * (m / max(m - 1, 1))
        for running, batch in ((self.state["mean"], mean), (self.state["variance"], unbiased)):
            running[:] = self.momentum * running + (1 - self.momentum) * batch

    def backward(self, cache: Cache, dY: Array) -> Array:
        """dX = (dX^ - mean(dX^) - X^ * mean(dX^ * X^)) / sd, means over the batch: mean and variance depend on X too."""
        X_hat, sd = cache
        dX_hat = self.grads_of_scale_and_shift(X_hat, dY)
        return (dX_hat - dX_hat.mean(axis=0) - X_hat * (dX_hat * X_hat).mean(axis=0)) / sd


class LayerNorm(Norm):
    """Layer norm: Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, mean and variance of each example over its units, in
    training as in inference (Ba, Kiros & Hinton 2016)."""

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, Cache]:
        mean, variance = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)
        sd = np.sqrt(variance + self.epsilon)
        X_hat = (X - mean) / sd
        return self.scale_and_shift(X_hat), (X_hat, sd)

    def backward(self, cache: Cache, dY: Array) -> Array:
        """dX = (dX^ - mean(dX^) - X^ * mean(dX^ * X^)) / sd, means over the example's units."""
        X_hat, sd = cache
        dX_hat = self.grads_of_scale_and_shift(X_hat, dY)
        row_mean = (dX_hat * X_hat).mean(axis=1, keepdims=True)
        return (dX_hat - dX_hat.mean(axis=1, keepdims=True) - X_hat * row_mean) / sd
