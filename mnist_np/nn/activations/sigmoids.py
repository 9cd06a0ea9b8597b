"""Activations that level off on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.activations.base import Activation
from mnist_np.nn.arrays import Array, Scratch


@dataclass
class Sigmoid(Activation):
    """sigmoid: g(z) = 1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2, g' = a (1 - a) (Rumelhart et al. 1986).

    The second form overflows nowhere.
    """

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        np.multiply(Z, 0.5, out=A)
        np.tanh(A, out=A)
        A += 1
        A *= 0.5

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        slope = np.subtract(1, A, out=scratch["slope"])
        slope *= A
        dA *= slope


@dataclass
class HardSigmoid(Activation):
    """hard_sigmoid: g(z) = min(1, max(0, slope z + 1/2)), g' = slope for 0 < a < 1, else 0 (Courbariaux et al. 2015)."""

    slope: float = bounded(0.2, gt=0)

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"inside": np.empty((m, n), bool), "below": np.empty((m, n), bool), "slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        np.multiply(Z, self.slope, out=A)
        A += 0.5
        np.clip(A, 0, 1, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        inside, below, slope = scratch["inside"], scratch["below"], scratch["slope"]
        np.greater(A, 0, out=inside)
        np.less(A, 1, out=below)
        inside &= below
        np.copyto(slope, inside)
        slope *= self.slope
        dA *= slope


@dataclass
class Tanh(Activation):
    """tanh: g(z) = tanh z, g' = 1 - a^2 (LeCun et al. 1998)."""

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        np.tanh(Z, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        slope = np.multiply(A, A, out=scratch["slope"])
        np.subtract(1, slope, out=slope)
        dA *= slope


@dataclass
class ScaledTanh(Activation):
    """scaled_tanh: g(z) = amplitude tanh(slope z), g' = slope (amplitude - a^2 / amplitude) (LeCun et al. 1998, section 4.4).

    With 1.7159 and 2/3, g(1) = 1, g(-1) = -1 and the curvature is largest there.
    """

    amplitude: float = bounded(1.7159, gt=0)
    slope: float = bounded(2 / 3, gt=0)

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        np.multiply(Z, self.slope, out=A)
        np.tanh(A, out=A)
        A *= self.amplitude

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        slope = np.multiply(A, A, out=scratch["slope"])
        slope *= -self.slope / self.amplitude
        slope += self.slope * self.amplitude
        dA *= slope


@dataclass
class Softsign(Activation):
    """softsign: g(z) = z / (1 + |z|), g' = (1 - |a|)^2 (Bergstra et al. 2009)."""

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        return {"slope": np.empty((m, n), dtype)}

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        size = np.abs(Z, out=scratch["slope"])
        size += 1
        np.divide(Z, size, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        slope = np.abs(A, out=scratch["slope"])
        np.subtract(1, slope, out=slope)
        dA *= slope
        dA *= slope
