"""Layers that disturb the signal in training, so that the network cannot rely on any single unit: dropout and Gaussian noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Layer


class Dropout(Layer):
    """Y = X * mask / keep, each entry of the mask 1 with probability keep = 1 - rate and else 0, so that E[Y] = X (inverted
    dropout; Srivastava et al. 2014, section 10). In inference Y = X."""

    def __init__(self, n: int, rate: float) -> None:
        super().__init__(n, n)
        self.keep = max(1, round((1 - rate) * 65536)) / 65536  # as exact as sixteen random bits can be

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, Array | None]:
        if rng is None:
            return X, None
        mask = (random_bits(X.shape, rng) < self.keep * 65536).astype(X.dtype)
        Y = X * mask / self.keep
        return Y, mask

    def backward(self, mask: Array, dY: Array) -> Array:
        dX = dY * mask / self.keep
        return dX


def random_bits(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.uint16]:
    """Sixteen random bits for each entry of an array of this shape: four times faster to draw than a float each."""
    m, n = shape
    words = rng.bit_generator.random_raw(-(-m * n // 4))
    bits: NDArray[np.uint16] = words.view(np.uint16)[: m * n].reshape(shape)
    return bits


class GaussianNoise(Layer):
    """Y = X + N(0, sd^2), so that E[Y] = X and dX = dY (Bishop 1995 for the input). In inference Y = X."""

    def __init__(self, n: int, sd: float) -> None:
        super().__init__(n, n)
        self.sd = sd

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, None]:
        if rng is None:
            return X, None
        Y = X + self.sd * rng.standard_normal(X.shape, dtype=X.dtype.type)
        return Y, None

    def backward(self, cache: None, dY: Array) -> Array:
        return dY
