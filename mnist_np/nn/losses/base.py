"""What every loss is, and the output functions that losses are taken of.

Inside a loss all arrays are class-major, (n_classes, m), one example a column: sums over so few classes then run along the
batch (two to six times faster at ten classes than along rows of ten).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import Component
from mnist_np.nn.arrays import Array, Scratch


@dataclass
class Loss(Component, ABC):
    """A mean over the batch of a loss per example."""

    group: ClassVar[str] = "loss"

    def value(self, Z: Array, Y: Array, dZ: Array | None = None, scratch: Scratch | None = None, scale: float = 1.0) -> float:
        """J of logits Z (m, n_classes) against targets Y (m, n_classes), whose rows sum to 1.

        Unless dZ (m, n_classes) is None, ``scale`` times dJ/dZ, with the 1/m of the mean, is written into it. ``scratch`` is
        what `scratch` made for arrays of these shapes.
        """
        s = self.scratch(Z, Y) if scratch is None else scratch
        np.copyto(s["Z"], Z.T)
        np.copyto(s["Y"], Y.T)
        J = self.total(s["Z"], s["Y"], s["dZ"], s) / len(Z)
        if dZ is not None:
            np.multiply(s["dZ"].T, scale / len(Z), out=dZ)
        return J

    def scratch(self, Z: Array, Y: Array) -> Scratch:
        """The arrays that `total` works in, for logits and targets of these shapes."""
        (m, n), dtype = Z.shape, Z.dtype
        return {
            "Z": np.empty((n, m), dtype),
            "Y": np.empty((Y.shape[1], m), dtype),
            "dZ": np.empty((n, m), dtype),
            "row": np.empty(m, dtype),
        }

    @abstractmethod
    def total(self, Z: Array, Y: Array, dZ: Array, scratch: Scratch) -> float:
        """The sum of the examples' losses, and its derivative by Z into dZ. All (n_classes, m); Z and Y may be overwritten."""

    def probabilities(self, Z: Array) -> Array:
        """The class probabilities (m, n_classes) that logits Z (m, n_classes) stand for under this loss."""
        return softmax(Z)


def softmax(Z: Array) -> Array:
    """a_ij = e^z_ij / sum_k e^z_ik over each row, with the row's largest logit taken off first, so that nothing overflows."""
    A: Array = Z.T.copy()
    A -= np.maximum.reduce(A, axis=0)
    np.exp(A, out=A)
    A /= np.add.reduce(A, axis=0)
    return A.T


def sigmoid(Z: Array) -> Array:
    """a = 1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2, the second form overflowing nowhere."""
    A: Array = np.tanh(0.5 * Z)
    A += 1
    A *= 0.5
    return A


def log_softmax(Z: Array, A: Array, row: Array) -> None:
    """A = softmax of each column of Z, and Z <- log A, by log-sum-exp. All (n_classes, m), ``row`` (m,)."""
    np.maximum.reduce(Z, axis=0, out=row)  # what np.max and np.sum come to, without their 1 us of detours
    Z -= row
    np.exp(Z, out=A)
    np.add.reduce(A, axis=0, out=row)
    A /= row
    np.log(row, out=row)
    Z -= row
