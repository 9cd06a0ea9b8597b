"""Layers that normalise: each unit over the batch (batch norm), or each example over its units (layer norm)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.layers import Layer


class Norm(Layer):
    """Y = gamma * X^ + beta with X^ = (X - mean) / sqrt(variance + epsilon), gamma and beta (n,) trained, from 1 and 0."""

    in_place: ClassVar[bool] = True

    def __init__(self, n: int, epsilon: float = 1e-5) -> None:
        super().__init__(n, n)
        self.epsilon = epsilon
        self.shapes = {"gamma": (n,), "beta": (n,)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.params["gamma"][:] = 1
        self.params["beta"][:] = 0

    def _parameter_gradients(self, dY: Array, X_hat: Array, ones: Array) -> None:
        """dgamma = sum over the batch of dY * X^; dbeta = that of dY."""
        np.einsum("ij,ij->j", dY, X_hat, out=self.grads["gamma"])
        np.dot(ones, dY, out=self.grads["beta"])


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

    def scratch(self, m: int, dtype: Any) -> Scratch:
        n = self.n_out
        vectors = {name: np.empty(n, dtype) for name in ("mean", "variance", "inverse_sd")}
        return {"centred": np.empty((m, n), dtype), "ones": np.ones(m, dtype)} | vectors

    def forward(self, X: Array, Y: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        if rng is None:
            scale, shift = self.as_affine()
            np.multiply(X, scale, out=Y)
            Y += shift
            return
        m = len(X)
        centred, mean, variance, inverse_sd = (scratch[name] for name in ("centred", "mean", "variance", "inverse_sd"))
        np.dot(scratch["ones"], X, out=mean)
        mean /= m
        np.subtract(X, mean, out=centred)
        np.einsum("ij,ij->j", centred, centred, out=variance)
        variance /= m
        self._remember(mean, variance, m)
        variance += self.epsilon
        np.sqrt(variance, out=inverse_sd)
        np.reciprocal(inverse_sd, out=inverse_sd)
        np.multiply(centred, self.params["gamma"] * inverse_sd, out=Y)  # X^ itself would cost a pass more
        Y += self.params["beta"]

    def _remember(self, mean: Array, variance: Array, m: int) -> None:
        share = 1 - self.momentum
        for running, batch, weight in (("mean", mean, share), ("variance", variance, share * m / max(m - 1, 1))):
            self.state[running] *= self.momentum
            self.state[running] += weight * batch

    def as_affine(self) -> tuple[Array, Array]:
        """Inference as Y = X * scale + shift: scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale."""
        scale = self.params["gamma"] / np.sqrt(self.state["variance"] + self.epsilon)
        return scale, self.params["beta"] - self.state["mean"] * scale

    def backward(self, X: Array, Y: Array, dY: Array, dX: Array | None, scratch: Scratch) -> None:
        """dX = gamma / sd * (dY - dbeta / m - X^ * dgamma / m): mean and variance depend on X too."""
        m, centred, inverse_sd = len(dY), scratch["centred"], scratch["inverse_sd"]
        self._parameter_gradients(dY, centred, scratch["ones"])
        self.grads["gamma"] *= inverse_sd
        centred *= self.grads["gamma"] * inverse_sd / m  # X^ * dgamma / m
        dY -= centred
        dY -= self.grads["beta"] / m
        dY *= self.params["gamma"] * inverse_sd


class LayerNorm(Norm):
    """Layer norm: Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, mean and variance of each example over its units, in
    training as in inference (Ba, Kiros & Hinton 2016)."""

    def scratch(self, m: int, dtype: Any) -> Scratch:
        rows = {"row": np.empty((m, 1), dtype), "sd": np.empty((m, 1), dtype), "ones": np.ones(m, dtype)}
        return {"X_hat": np.empty((m, self.n_out), dtype)} | rows

    def forward(self, X: Array, Y: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        X_hat, mean, sd = scratch["X_hat"], scratch["row"], scratch["sd"]
        np.mean(X, axis=1, out=mean, keepdims=True)
        np.subtract(X, mean, out=X_hat)
        np.einsum("ij,ij->i", X_hat, X_hat, out=sd[:, 0])
        sd /= self.n_out
        sd += self.epsilon
        np.sqrt(sd, out=sd)
        X_hat /= sd
        np.multiply(X_hat, self.params["gamma"], out=Y)
        Y += self.params["beta"]

    def backward(self, X: Array, Y: Array, dY: Array, dX: Array | None, scratch: Scratch) -> None:
        """dX = (dX^ - mean(dX^) - X^ * mean(dX^ * X^)) / sd with dX^ = gamma * dY and means over the example's units."""
        X_hat, row = scratch["X_hat"], scratch["row"]
        self._parameter_gradients(dY, X_hat, scratch["ones"])
        dY *= self.params["gamma"]
        np.einsum("ij,ij->i", dY, X_hat, out=row[:, 0])
        row /= self.n_out
        X_hat *= row
        np.mean(dY, axis=1, out=row, keepdims=True)
        dY -= row
        dY -= X_hat
        dY /= scratch["sd"]
