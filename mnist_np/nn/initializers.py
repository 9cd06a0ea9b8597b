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
    """Draws a weight matrix. All draws are made in float64 and then rounded, so that both precisions start alike.

    ``scale`` multiplies what is drawn, ``bias`` is the first value of every bias.
    """

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
class Auto(Initializer):
    """auto: what suits each layer's activation: he_normal for ReLU-like ones, lecun_normal for selu, xavier for the rest."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        raise TypeError("Auto is resolved by each layer's activation: see `for_activation`")

    def for_activation(self, name: str) -> Initializer:
        """The initialiser that an activation names in its ``init``, with this one's scale and bias."""
        return INITIALIZERS[name](scale=self.scale, bias=self.bias)


@dataclass
class HeNormal(Initializer):
    """he_normal: W ~ N(0, 2 / n_in), which keeps the variance of ReLU layers (He et al. 2015, eq. 10)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _normal(rng, n_in, n_out, 2 / n_in)


@dataclass
class HeUniform(Initializer):
    """he_uniform: W ~ U(-r, r) with r = sqrt(6 / n_in), of he_normal's variance 2 / n_in (He et al. 2015)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _uniform(rng, n_in, n_out, 2 / n_in)


@dataclass
class Xavier(Initializer):
    """xavier: W ~ N(0, 1 / n_in), which keeps the variance of sigmoid, tanh and softmax layers (Glorot & Bengio 2010, eq. 5)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _normal(rng, n_in, n_out, 1 / n_in)


@dataclass
class GlorotNormal(Initializer):
    """glorot_normal: W ~ N(0, 2 / (n_in + n_out)), between the signals' need and the gradients' (Glorot & Bengio 2010)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _normal(rng, n_in, n_out, 2 / (n_in + n_out))


@dataclass
class GlorotUniform(Initializer):
    """glorot_uniform: W ~ U(-r, r) with r = sqrt(6 / (n_in + n_out)) (Glorot & Bengio 2010, eq. 16)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _uniform(rng, n_in, n_out, 2 / (n_in + n_out))


@dataclass
class LeCunNormal(Initializer):
    """lecun_normal: W ~ N(0, 1 / n_in) (LeCun et al. 1998, eq. 16), as xavier; what selu assumes."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _normal(rng, n_in, n_out, 1 / n_in)


@dataclass
class Orthogonal(Initializer):
    """orthogonal: W = Q of a Gaussian matrix's QR, its columns (or rows, if fewer) orthonormal (Saxe et al. 2014)."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        tall = rng.standard_normal((max(n_in, n_out), min(n_in, n_out)))
        Q, R = np.linalg.qr(tall)
        Q *= np.sign(np.diag(R))  # else Q is not uniform among the orthogonal matrices (Mezzadri 2007)
        return np.ascontiguousarray(Q if n_in >= n_out else Q.T)


@dataclass
class Normal(Initializer):
    """normal: W ~ N(0, std^2), whatever the layer's size."""

    std: float = bounded(0.01, ge=0)

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return _normal(rng, n_in, n_out, self.std * self.std)


@dataclass
class Uniform(Initializer):
    """uniform: W ~ U(-range, range), whatever the layer's size."""

    range: float = bounded(0.05, ge=0)

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return rng.uniform(-self.range, self.range, (n_in, n_out))


@dataclass
class Constant(Initializer):
    """constant: W = value everywhere, so that all units of a layer stay alike: to show why weights are drawn."""

    value: float = 0.1

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return np.full((n_in, n_out), self.value)


@dataclass
class Zeros(Initializer):
    """zeros: W = 0; fit for an output layer, where hidden layers could not learn."""

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        return np.zeros((n_in, n_out))


@dataclass
class Sparse(Initializer):
    """sparse: W_ij ~ N(0, std^2) for ``connections`` randomly chosen inputs i of each unit j, else 0 (Martens 2010)."""

    connections: int = bounded(15, ge=1)
    std: float = bounded(1.0, ge=0)

    def draw(self, n_in: int, n_out: int, rng: np.random.Generator) -> Array:
        W = np.zeros((n_in, n_out))
        k = min(self.connections, n_in)
        # Not argpartition: the order of its first k is another one on processors without AVX2.
        rows = np.argsort(rng.random((n_in, n_out)), axis=0, kind="stable")[:k]
        np.put_along_axis(W, rows, self.std * rng.standard_normal((k, n_out)), axis=0)
        return W


def _normal(rng: np.random.Generator, n_in: int, n_out: int, variance: float) -> Array:
    return rng.standard_normal((n_in, n_out)) * float(np.sqrt(variance))


def _uniform(rng: np.random.Generator, n_in: int, n_out: int, variance: float) -> Array:
    r = float(np.sqrt(3 * variance))  # U(-r, r) has variance r^2 / 3
    return rng.uniform(-r, r, (n_in, n_out))


INITIALIZERS: dict[str, type[Initializer]] = {
    "auto": Auto,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "xavier": Xavier,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "lecun_normal": LeCunNormal,
    "orthogonal": Orthogonal,
    "normal": Normal,
    "uniform": Uniform,
    "constant": Constant,
    "zeros": Zeros,
    "sparse": Sparse,
}
