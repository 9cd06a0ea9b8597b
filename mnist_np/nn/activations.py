"""Activation functions, each a pair: A = g(Z), elementwise but for maxout, and its derivative g'(Z)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import bounded, one_of
from mnist_np.nn.activation import Activation
from mnist_np.nn.arrays import Array
from mnist_np.nn.maxout import Maxout
from mnist_np.nn.normal import normal_cdf


@dataclass
class ReLU(Activation):
    """relu: g(z) = max(0, z), g'(z) = 1 for z > 0, else 0 (Nair & Hinton 2010)."""

    init: ClassVar[str] = "he_normal"

    def g(self, Z: Array) -> Array:
        return np.maximum(0, Z)

    def g_prime(self, Z: Array) -> Array:
        return (Z > 0).astype(Z.dtype)


@dataclass
class LeakyReLU(Activation):
    """leaky_relu: g(z) = max(z, alpha z), g'(z) = 1 for z > 0, else alpha (Maas, Hannun & Ng 2013)."""

    init: ClassVar[str] = "he_normal"
    alpha: float = bounded(0.01, ge=0, le=1)

    def g(self, Z: Array) -> Array:
        return np.maximum(Z, self.alpha * Z)

    def g_prime(self, Z: Array) -> Array:
        return step(Z, self.alpha, 1)


@dataclass
class ELU(Activation):
    """elu: g(z) = z for z > 0, else alpha (e^z - 1); g'(z) = 1 for z > 0, else alpha e^z (Clevert et al. 2016, eq. 15)."""

    init: ClassVar[str] = "he_normal"
    alpha: float = bounded(1.0, gt=0)

    def g(self, Z: Array) -> Array:
        return np.maximum(0, Z) + self.alpha * np.expm1(np.minimum(0, Z))

    def g_prime(self, Z: Array) -> Array:
        return step(Z, self.alpha, 1) * np.exp(np.minimum(0, Z))


@dataclass
class SELU(Activation):
    """selu: g(z) = s z for z > 0, else s alpha (e^z - 1), s = 1.0507, alpha = 1.6733 (Klambauer et al. 2017, eq. 2).

    With these two and weights of variance 1 / n_in, mean 0 and variance 1 are a stable fixed point from layer to layer.
    """

    init: ClassVar[str] = "lecun_normal"
    scale: ClassVar[float] = 1.0507009873554805
    alpha: ClassVar[float] = 1.6732632423543772

    def g(self, Z: Array) -> Array:
        return self.scale * (np.maximum(0, Z) + self.alpha * np.expm1(np.minimum(0, Z)))

    def g_prime(self, Z: Array) -> Array:
        return step(Z, self.scale * self.alpha, self.scale) * np.exp(np.minimum(0, Z))


@dataclass
class GELU(Activation):
    """gelu: g(z) = z Phi(z), g'(z) = Phi(z) + z phi(z), Phi and phi of N(0, 1) (Hendrycks & Gimpel 2016).

    ``form="tanh"`` is their approximation z (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (z + 0.044715 z^3), off by up to 5e-4.
    """

    init: ClassVar[str] = "he_normal"
    form: str = one_of("exact", "exact", "tanh")

    def g(self, Z: Array) -> Array:
        if self.form == "tanh":
            return 0.5 * Z * (1 + self.tanh_u(Z))
        return Z * normal_cdf(Z)

    def g_prime(self, Z: Array) -> Array:
        if self.form == "tanh":
            t, u_prime = self.tanh_u(Z), math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * Z * Z)
            return 0.5 * (1 + t + Z * (1 - t * t) * u_prime)
        return normal_cdf(Z) + Z * np.exp(-0.5 * Z * Z) / math.sqrt(2 * math.pi)

    @staticmethod
    def tanh_u(Z: Array) -> Array:
        """tanh(u) of the approximation."""
        u = math.sqrt(2 / math.pi) * (Z + 0.044715 * Z * Z * Z)
        return np.tanh(u)


@dataclass
class SiLU(Activation):
    """silu: g(z) = z s with s = sigmoid(z), g'(z) = s + z s (1 - s) (Elfwing et al. 2018; swish in Ramachandran et al. 2017)."""

    init: ClassVar[str] = "he_normal"

    def g(self, Z: Array) -> Array:
        return Z * sigmoid(Z)

    def g_prime(self, Z: Array) -> Array:
        s = sigmoid(Z)
        return s + Z * s * (1 - s)


@dataclass
class Softplus(Activation):
    """softplus: g(z) = log(1 + e^z), g'(z) = sigmoid(z) (Dugas et al. 2001). Computed as max(z, 0) + log(1 + e^-|z|)."""

    init: ClassVar[str] = "he_normal"

    def g(self, Z: Array) -> Array:
        return np.maximum(0, Z) + np.log1p(np.exp(-np.abs(Z)))

    def g_prime(self, Z: Array) -> Array:
        return sigmoid(Z)


@dataclass
class Softsign(Activation):
    """softsign: g(z) = z / (1 + |z|), g'(z) = 1 / (1 + |z|)^2 (Bergstra et al. 2009)."""

    def g(self, Z: Array) -> Array:
        return Z / (1 + np.abs(Z))

    def g_prime(self, Z: Array) -> Array:
        return 1 / np.square(1 + np.abs(Z))


@dataclass
class Tanh(Activation):
    """tanh: g(z) = tanh z, g'(z) = 1 - tanh^2 z (LeCun et al. 1998)."""

    def g(self, Z: Array) -> Array:
        return np.tanh(Z)

    def g_prime(self, Z: Array) -> Array:
        return 1 - np.tanh(Z) ** 2


@dataclass
class ScaledTanh(Activation):
    """scaled_tanh: g(z) = a tanh(s z), g'(z) = a s (1 - tanh^2(s z)), a = amplitude, s = slope (LeCun et al. 1998, section 4.4).

    With 1.7159 and 2/3, g(1) = 1, g(-1) = -1 and the curvature is largest there.
    """

    amplitude: float = bounded(1.7159, gt=0)
    slope: float = bounded(2 / 3, gt=0)

    def g(self, Z: Array) -> Array:
        return self.amplitude * np.tanh(self.slope * Z)

    def g_prime(self, Z: Array) -> Array:
        return self.amplitude * self.slope * (1 - np.tanh(self.slope * Z) ** 2)


@dataclass
class Sigmoid(Activation):
    """sigmoid: g(z) = s = 1 / (1 + e^-z), g'(z) = s (1 - s) (Rumelhart et al. 1986)."""

    def g(self, Z: Array) -> Array:
        return sigmoid(Z)

    def g_prime(self, Z: Array) -> Array:
        s = sigmoid(Z)
        return s * (1 - s)


@dataclass
class HardSigmoid(Activation):
    """hard_sigmoid: g(z) = min(1, max(0, slope z + 1/2)), g'(z) = slope for 0 < g(z) < 1, else 0 (Courbariaux et al. 2015)."""

    slope: float = bounded(0.2, gt=0)

    def g(self, Z: Array) -> Array:
        return np.minimum(1, np.maximum(0, self.slope * Z + 0.5))

    def g_prime(self, Z: Array) -> Array:
        return self.slope * (np.abs(self.slope * Z) < 0.5).astype(Z.dtype)


@dataclass
class Identity(Activation):
    """identity: g(z) = z, g'(z) = 1, so that stacked layers stay one linear map."""

    def g(self, Z: Array) -> Array:
        return Z

    def g_prime(self, Z: Array) -> Array:
        return np.ones_like(Z)


def step(Z: Array, low: float, high: float) -> Array:
    """``high`` where z > 0, else ``low``."""
    return low + (high - low) * (Z > 0).astype(Z.dtype)


def sigmoid(Z: Array) -> Array:
    """1 / (1 + e^-z), computed as (1 + tanh(z / 2)) / 2, which overflows nowhere."""
    return 0.5 * (1 + np.tanh(0.5 * Z))


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "softsign": Softsign,
    "tanh": Tanh,
    "scaled_tanh": ScaledTanh,
    "sigmoid": Sigmoid,
    "hard_sigmoid": HardSigmoid,
    "identity": Identity,
    "maxout": Maxout,
}
