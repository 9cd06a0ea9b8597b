"""Initial weights: how W (n_in, n_out) is drawn, so that signals neither die out nor blow up from layer to layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import Component, bounded
from mnist_np.nn.arrays import Array


@dataclass
class Initializer(Component, ABC):
    """Draws a weight matrix. All draws are made in float64 and then rounded, so that both precisions start alike."""

    group: ClassVar[str] = "init"
    scale: float = bounded(1.0, gt=0)
    bias: float = 0.0

    def __call__(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        """W of shape (n_in, n_out), float64."""
        return self.scale * self.draw(n_in, n_out, rng)

    @abstractmethod
    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        """W before ``scale``."""


@dataclass
class HeNormal(Initializer):
    """W ~ N(0, 2 / n_in): keeps the variance of ReLU layers (He et al. 2015, eq. 10)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)


@dataclass
class Xavier(Initializer):
    """W ~ N(0, 1 / n_in): keeps the forward variance of sigmoid, tanh and softmax layers (Glorot & Bengio 2010, eq. 5)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return rng.standard_normal((n_in, n_out)) * np.sqrt(1 / n_in)


@dataclass
class Auto(Initializer):
    """Each layer's own: He for ReLU-like activations, Xavier for sigmoid, tanh and the softmax output (`Activation.init`)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        raise TypeError("Auto is resolved by each layer's activation: see `for_activation`")

    def for_activation(self, name: str) -> Initializer:
        """The initialiser that an activation names in its ``init``, with this one's scale and bias."""
        return INITIALIZERS[name](scale=self.scale, bias=self.bias)


INITIALIZERS: dict[str, type[Initializer]] = {
    "auto": Auto,
    "he_normal": HeNormal,
    "xavier": Xavier,
}
