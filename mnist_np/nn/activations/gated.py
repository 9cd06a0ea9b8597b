"""Activations that multiply the signal by a gate of itself, g(z) = z * gate(z). Their derivative needs Z, so they keep it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from mnist_np.component import one_of
from mnist_np.nn.activations.base import Activation
from mnist_np.nn.arrays import Array, Scratch


@dataclass
class SiLU(Activation):
    """silu: g(z) = z s with s = sigmoid(z), g'(z) = s + z s (1 - s) (Elfwing et al. 2018; swish in Ramachandran et al. 2017)."""

    in_place: ClassVar[bool] = False
    init: ClassVar[str] = "he_normal"

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"gate": np.empty((m, n), dtype), "slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        s = np.multiply(Z, 0.5, out=scratch["gate"])
        np.tanh(s, out=s)
        s += 1
        s *= 0.5
        np.multiply(Z, s, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        s, slope = scratch["gate"], scratch["slope"]
        np.subtract(1, s, out=slope)
        slope *= Z
        slope += 1
        slope *= s
        dA *= slope


@dataclass
class GELU(Activation):
    """gelu: g(z) = z Phi(z), g'(z) = Phi(z) + z phi(z), Phi and phi of N(0, 1) (Hendrycks & Gimpel 2016).

    ``form="tanh"`` is their approximation z (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (z + 0.044715 z^3), off by up to 5e-4.
    """

    in_place: ClassVar[bool] = False
    init: ClassVar[str] = "he_normal"
    form: str = one_of("exact", "exact", "tanh")

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {name: np.empty((m, n), dtype) for name in ("size", "tail", "bell")}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        if self.form == "tanh":
            _tanh_gelu(Z, A, scratch["tail"])
            return
        # z Phi(z) = max(z, 0) - |z| Phi(-|z|), on either side.
        size, tail = scratch["size"], scratch["tail"]
        np.abs(Z, out=size)
        normal_tail(size, tail, scratch["bell"])
        np.multiply(size, tail, out=A)
        size += Z
        size *= 0.5  # (|z| + z) / 2 = max(z, 0)
        np.subtract(size, A, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        size, tail, bell = scratch["size"], scratch["tail"], scratch["bell"]
        if self.form == "tanh":
            _tanh_gelu_backward(Z, dA, tail, size, bell)
            return
        # g'(-z) = 1 - g'(z), so that with z = |z|: g' = 1/2 +- (1/2 - tail + |z| phi), with the sign of z.
        bell *= 1 / math.sqrt(2 * math.pi)
        bell *= np.abs(Z, out=size)
        bell -= tail
        bell += 0.5
        slope = np.copysign(bell, Z, out=bell)  # (no worse for bell < 0: it is not, 1/2 - tail >= 0)
        slope += 0.5
        dA *= slope


def normal_tail(z: Array, tail: Array, bell: Array) -> None:
    """For z >= 0: bell = e^(-z^2 / 2) and tail = Phi(-z) = bell * q(u), q a polynomial in u = (3 - z) / (3 + z).

    NumPy has no function for it. The form is that of Hastings (Abramowitz & Stegun 1964, 26.2.17) with more terms: accurate to
    1e-15 in float64, to rounding in float32.
    """
    u = bell
    np.add(z, 3, out=u)
    np.divide(6, u, out=u)
    u -= 1
    first, *others = _tail_polynomial(18 if z.dtype == np.float64 else 8)
    tail[...] = first
    for coefficient in others:
        tail *= u
        tail += coefficient
    np.multiply(z, z, out=bell)
    bell *= -0.5
    np.exp(bell, out=bell)
    tail *= bell


@cache
def _tail_polynomial(terms: int) -> list[float]:
    """The coefficients of q, the highest power first: q(u) = Phi(-z) e^(z^2 / 2) at the Chebyshev nodes of 0 <= z <= 5."""
    lowest = (3 - 5) / (3 + 5)
    nodes = np.cos(np.pi * (np.arange(terms) + 0.5) / terms)
    u = (nodes * (1 - lowest) + 1 + lowest) / 2
    z = 3 * (1 - u) / (1 + u)
    q = [math.erfc(x / math.sqrt(2)) / 2 * math.exp(x * x / 2) for x in z]
    return [float(c) for c in np.linalg.solve(np.vander(u), q)]


def _tanh_gelu(Z: Array, A: Array, t: Array) -> None:
    """A = z (1 + t) / 2 with t = tanh(u)."""
    np.multiply(Z, Z, out=t)
    t *= 0.044715
    t += 1
    t *= Z
    t *= math.sqrt(2 / math.pi)
    np.tanh(t, out=t)
    np.add(t, 1, out=A)
    A *= Z
    A *= 0.5


def _tanh_gelu_backward(Z: Array, dA: Array, t: Array, slope: Array, du: Array) -> None:
    """g' = (1 + t) / 2 + z (1 - t^2) u' / 2 with u' = sqrt(2 / pi) (1 + 3 * 0.044715 z^2)."""
    np.multiply(Z, Z, out=du)
    du *= 3 * 0.044715
    du += 1
    du *= math.sqrt(2 / math.pi)
    np.multiply(t, t, out=slope)
    np.subtract(1, slope, out=slope)
    slope *= Z
    slope *= du
    slope += t
    slope += 1
    slope *= 0.5
    dA *= slope
