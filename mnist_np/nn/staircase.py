"""The first layer without the products with zero: most pixels of MNIST's images are black.

Only dense products of contiguous rows and columns are fast. So the inputs stand in the order of how often they are lit, and the
examples of a batch in the order of how many of the inputs each needs up to its last one that is not zero. Everything beyond
these steps of a staircase is zero: with four steps a batch of 128 has 60 % of its products left, and a batch of 512 as many::

    x x x . . .     examples need more inputs
    x x x . . .     from above to below;
    x x x x . .     all points are zero
    x x x x x x

Nothing of it is approximate: what is left out is zero times something. It takes a quarter off an epoch of 784-128-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.layers import Dense, Layer

Steps = Sequence[tuple[int, int]]
"""Pairs (m, n), both growing: of the examples up to the m-th all inputs from the n-th on are zero. The last m is the batch."""


class BlockSparseDense(Layer):
    """A Dense layer Z = X W + b, its arrays shared, for inputs of which ``steps`` say where they are zero.

    For the network's first layer, of which nobody needs dX.
    """

    elementwise: ClassVar[bool] = False

    def __init__(self, dense: Dense) -> None:
        super().__init__(dense.n_in, dense.n_out)
        self.params, self.grads = dense.params, dense.grads
        self.steps: Steps = ()

    def forward(self, X: Array, Z: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        """Z = X W + b, the examples of one step after the other."""
        W, start = self.params["W"], 0
        for m, n in self.steps:
            np.matmul(X[start:m, :n], W[:n], out=Z[start:m])
            start = m
        Z += self.params["b"]

    def backward(self, X: Array, Z: Array, dZ: Array, dX: Array | None, scratch: Scratch) -> None:
        """dW = X^T dZ, the inputs of one step after the other: only the examples from this step on have any; db = 1^T dZ."""
        dW, start, low = self.grads["W"], 0, 0
        for m, n in self.steps:
            np.matmul(X[start:, low:n].T, dZ[start:], out=dW[low:n])
            start, low = m, n
        dW[low:] = 0
        np.dot(scratch["ones"], dZ, out=self.grads["b"])
