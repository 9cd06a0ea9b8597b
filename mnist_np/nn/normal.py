"""The normal distribution, for whose distribution function NumPy has no function."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from mnist_np.nn.arrays import Array


def normal(Z: Array) -> tuple[Array, Array]:
    """Phi(z) and phi(z), distribution function and density of N(0, 1).

    Phi(-|z|) = e^(-z^2 / 2) q(u), q a polynomial in u = (3 - |z|) / (3 + |z|): the form of Hastings (Abramowitz & Stegun 1964,
    26.2.17) with more terms, accurate to 1e-15 in float64 and to rounding in float32.
    """
    u = 6 / (3 + np.abs(Z)) - 1
    first, *others, last = _tail_polynomial(18 if Z.dtype == np.float64 else 8)
    q = first * u
    for coefficient in others:
        q += coefficient
        q *= u
    q += last
    bell = np.exp(-0.5 * Z * Z)
    return 0.5 + np.copysign(0.5 - q * bell, Z), bell / math.sqrt(2 * math.pi)


@cache
def _tail_polynomial(terms: int) -> list[float]:
    """The coefficients of q, the highest power first: q(u) = Phi(-z) e^(z^2 / 2) at the Chebyshev nodes of 0 <= z <= 5."""
    lowest = (3 - 5) / (3 + 5)
    nodes = np.cos(np.pi * (np.arange(terms) + 0.5) / terms)
    u = (nodes * (1 - lowest) + 1 + lowest) / 2
    z = 3 * (1 - u) / (1 + u)
    q = [math.erfc(x / math.sqrt(2)) / 2 * math.exp(x * x / 2) for x in z]
    return [float(c) for c in np.linalg.solve(np.vander(u), q)]
