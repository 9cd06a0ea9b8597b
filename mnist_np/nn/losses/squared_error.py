"""The quadratic cost of the classic papers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnist_np.component import one_of
from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.losses.base import Loss, log_softmax, sigmoid, softmax


@dataclass
class MeanSquaredError(Loss):
    """mean_squared_error: J = 1/(2m) sum_i |a_i - y_i|^2 with a = output(z) (Rumelhart, Hinton & Williams 1986).

    ``output`` is ``sigmoid``, where dZ = (A - Y) A (1 - A) / m, ``softmax``, where dZ = A (D - sum_k d_k a_k) / m with D = A - Y,
    or ``identity``, where dZ = (Z - Y) / m.
    """

    output: str = one_of("sigmoid", "sigmoid", "softmax", "identity")

    def total(self, Z: Array, Y: Array, dZ: Array, scratch: Scratch) -> float:
        if self.output == "softmax":
            A, D, row = dZ, Z, scratch["row"]
            log_softmax(Z, A, row)
            np.subtract(A, Y, out=D)
            J = float(np.vdot(D, D)) / 2
            np.multiply(A, D, out=Y)
            np.sum(Y, axis=0, out=row)
            D -= row
            dZ *= D
            return J
        if self.output == "sigmoid":
            Z *= 0.5
            A = np.tanh(Z, out=Z)
            A += 1
            A *= 0.5
        else:
            A = Z
        D = np.subtract(A, Y, out=dZ)
        J = float(np.vdot(D, D)) / 2
        if self.output == "sigmoid":
            dZ *= A
            np.subtract(1, A, out=A)
            dZ *= A
        return J

    def probabilities(self, Z: Array) -> Array:
        """The outputs, cut to [0, 1] where they are the identity's; only those of ``softmax`` sum to 1."""
        if self.output == "identity":
            return np.clip(Z, 0, 1)
        return sigmoid(Z) if self.output == "sigmoid" else softmax(Z)
