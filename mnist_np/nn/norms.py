"""Layers that normalise: each unit over the batch (batch norm), or each example over its units (layer norm)."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

import numpy as np

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Layer

Cache: TypeAlias = tuple[Array, Array]
"""What backward needs: the normalised X^ (m, n) and the standard deviations, (1, n) or (m, 1)."""


class Norm(Layer):
    """Y = gamma * X^ + beta with X^ = (X - mean) / sd, sd = sqrt(variance + epsilon), gamma and beta (n,) trained.

    Mean and variance are taken along ``axis``: 0, of each unit over the batch, or 1, of each example over its units.
    """

    axis: ClassVar[int]

    def __init__(self, n: int, epsilon: float = 1e-5) -> None:
        super().__init__(n, n)
        self.epsilon = epsilon
        self.shapes = {"gamma": (n,), "beta": (n,)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.params["gamma"][:] = 1
        self.params["beta"][:] = 0

    def statistics(self, X: Array) -> tuple[Array, Array]:
        """Mean and variance of X (m, n) along ``axis``: (1, n) or (m, 1)."""
        return X.mean(axis=self.axis, keepdims=True), X.var(axis=self.axis, keepdims=True)

    def normalize(self, X: Array, mean: Array, variance: Array) -> tuple[Array, Cache]:
        """Y, and what backward needs."""
        gamma, beta = self.params["gamma"], self.params["beta"]
        sd = np.sqrt(variance + self.epsilon)
        X_hat = (X - mean) / sd
        Y = gamma * X_hat + beta
        return Y, (X_hat, sd)

    def backward(self, cache: Cache, dY: Array) -> Array:
        """dX = (dX^ - mean(dX^) - X^ * mean(dX^ * X^)) / sd, means along ``axis``: mean and variance depend on X too."""
        X_hat, sd = cache
        gamma = self.params["gamma"]
        dX_hat = gamma * dY
        self.set_grads(gamma=(dY * X_hat).sum(axis=0), beta=dY.sum(axis=0))
        mean, mean_of_product = (D.mean(axis=self.axis, keepdims=True) for D in (dX_hat, dX_hat * X_hat))
        dX: Array = (dX_hat - mean - X_hat * mean_of_product) / sd
        return dX


class BatchNorm(Norm):
    """Batch norm: Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, mean and variance of each unit over the batch (Ioffe &
    Szegedy 2015, algorithms 1 and 2).

    Inference uses running statistics: r <- momentum * r + (1 - momentum) * (the batch's), the variance with m - 1. A batch of
    one example, which has none, leaves them as they are.
    """

    axis = 0

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
            return self.normalize(X, self.state["mean"], self.state["variance"])
        mean, variance = self.statistics(X)
        self.update_statistics(mean, variance, len(X))
        return self.normalize(X, mean, variance)

    def update_statistics(self, mean: Array, variance: Array, m: int) -> None:
        """Move the running statistics towards those of a batch of m examples."""
        if m == 1:
            return
        unbiased = variance * (m / (m - 1))
        for running, batch in ((self.state["mean"], mean), (self.state["variance"], unbiased)):
            running[:] = self.momentum * running + (1 - self.momentum) * batch


class LayerNorm(Norm):
    """Layer norm: Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, mean and variance of each example over its units, in
    training as in inference (Ba, Kiros & Hinton 2016)."""

    axis = 1

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, Cache]:
        return self.normalize(X, *self.statistics(X))
