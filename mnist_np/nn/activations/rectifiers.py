"""Activations that let positive signals pass and flatten the negative ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.activations.base import Activation
from mnist_np.nn.arrays import Array, Scratch


@dataclass
class ReLU(Activation):
    """relu: g(z) = max(0, z), g'(z) = 1 for z > 0, else 0 (Nair & Hinton 2010)."""

    init: ClassVar[str] = "he_normal"

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        integer = np.dtype(f"i{np.dtype(dtype).itemsize}")
        return {"zeros": np.zeros((m, n), dtype), "mask": np.empty((m, n), integer)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        # As many zeros as numbers, since the scalar 0 misses NumPy's SIMD loop (four times slower), and a row of zeros is
        # first copied out to many (twice slower).
        np.maximum(Z, scratch["zeros"], out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        keep_where_positive(A, dA, scratch["mask"])


def keep_where_positive(A: Array, dA: Array, mask: Array) -> None:
    """dA *= (A > 0) for A >= 0, by bits: -A as an integer is negative just where A > 0, and its sign shifted down is a mask.

    Five times faster than the product with a boolean array.
    """
    integer = mask.dtype
    np.negative(A.view(integer), out=mask)
    np.right_shift(mask, 8 * integer.itemsize - 1, out=mask)
    bits = dA.view(integer)
    np.bitwise_and(bits, mask, out=bits)


@dataclass
class LeakyReLU(Activation):
    """leaky_relu: g(z) = max(z, alpha z), g'(z) = 1 for z > 0, else alpha (Maas, Hannun & Ng 2013)."""

    init: ClassVar[str] = "he_normal"
    alpha: float = bounded(0.01, ge=0, le=1)

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return _halves(m, n, dtype)

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        np.multiply(Z, self.alpha, out=scratch["slope"])
        np.maximum(Z, scratch["slope"], out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        slope = _one_where_positive(A, scratch)
        slope *= 1 - self.alpha
        slope += self.alpha
        dA *= slope


@dataclass
class ELU(Activation):
    """elu: g(z) = z for z > 0, else alpha (e^z - 1); g' = 1 for a > 0, else a + alpha (Clevert et al. 2016, eq. 15)."""

    init: ClassVar[str] = "he_normal"
    alpha: float = bounded(1.0, gt=0)

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return _halves(m, n, dtype) | {"negative": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        _exponential_unit(Z, A, scratch, 1.0, self.alpha)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        _exponential_unit_backward(A, dA, scratch, 1.0, self.alpha)


@dataclass
class SELU(Activation):
    """selu: g(z) = s z for z > 0, else s alpha (e^z - 1), s = 1.0507, alpha = 1.6733 (Klambauer et al. 2017, eq. 2).

    With these two and weights of variance 1 / n_in, mean 0 and variance 1 are a stable fixed point from layer to layer.
    """

    init: ClassVar[str] = "lecun_normal"
    scale: ClassVar[float] = 1.0507009873554805
    alpha: ClassVar[float] = 1.6732632423543772

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return _halves(m, n, dtype) | {"negative": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        _exponential_unit(Z, A, scratch, self.scale, self.scale * self.alpha)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        _exponential_unit_backward(A, dA, scratch, self.scale, self.scale * self.alpha)


@dataclass
class Softplus(Activation):
    """softplus: g(z) = log(1 + e^z), g' = 1 - e^-a (Dugas et al. 2001). Computed as max(z, 0) + log(1 + e^-|z|)."""

    init: ClassVar[str] = "he_normal"

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"zeros": np.zeros(n, dtype), "slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        rest = np.abs(Z, out=scratch["slope"])
        np.negative(rest, out=rest)
        np.exp(rest, out=rest)
        np.log1p(rest, out=rest)
        np.maximum(Z, scratch["zeros"], out=A)
        A += rest

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        slope = np.negative(A, out=scratch["slope"])
        np.expm1(slope, out=slope)
        np.negative(slope, out=slope)
        dA *= slope


def _halves(m: int, n: int, dtype: Any) -> Scratch:
    return {"zeros": np.zeros(n, dtype), "positive": np.empty((m, n), bool), "slope": np.empty((m, n), dtype)}


def _one_where_positive(A: Array, scratch: Scratch) -> Array:
    """1 where A > 0, else 0, as a float array: by way of a boolean one, all in SIMD loops (np.heaviside is no such loop)."""
    np.greater(A, scratch["zeros"], out=scratch["positive"])
    np.copyto(scratch["slope"], scratch["positive"])
    return scratch["slope"]


def _exponential_unit(Z: Array, A: Array, scratch: Scratch, scale: float, alpha: float) -> None:
    """A = scale * z for z > 0, else alpha (e^z - 1)."""
    negative = np.minimum(Z, scratch["zeros"], out=scratch["negative"])
    np.expm1(negative, out=negative)
    negative *= alpha
    np.maximum(Z, scratch["zeros"], out=A)
    A *= scale
    A += negative


def _exponential_unit_backward(A: Array, dA: Array, scratch: Scratch, scale: float, alpha: float) -> None:
    """dA *= scale for a > 0, else a + alpha."""
    step = _one_where_positive(A, scratch)
    step *= scale - alpha
    slope = np.minimum(A, scratch["zeros"], out=scratch["negative"])
    slope += alpha
    slope += step
    dA *= slope
