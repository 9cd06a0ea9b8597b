"""Maxout: units that learn their activation function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.activation import Activation
from mnist_np.nn.arrays import Array


@dataclass
class Maxout(Activation):
    """maxout: g(z_1, ..., z_k) = max_p z_p, dg/dz_p = 1 for the largest z_p (the first of equal ones), else 0 (Goodfellow et al.
    2013, section 3).

    ``pieces`` is k: a layer of n units has n k linear pieces, piece p of unit j in column p n + j of Z (m, n k). With weights of
    variance 1 / n_in two pieces keep the signal's size, five enlarge it by 1.34 a layer.
    """

    pieces: int = bounded(2, ge=1)

    def g(self, Z: Array) -> Array:
        A: Array = self.split(Z).max(axis=1)
        return A

    def g_prime(self, Z: Array) -> Array:
        largest = self.split(Z).argmax(axis=1)[:, None, :]
        is_largest = np.arange(self.pieces)[:, None] == largest
        return is_largest.reshape(Z.shape).astype(Z.dtype)

    def split(self, Z: Array) -> Array:
        """Z (m, n k) as an array (m, k, n)."""
        return Z.reshape(len(Z), self.pieces, Z.shape[1] // self.pieces)
