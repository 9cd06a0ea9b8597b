"""Losses that are surprise: minus the logarithm of the probability given to the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.losses.base import Loss, log_softmax, sigmoid


@dataclass
class CrossEntropy(Loss):
    """cross_entropy: J = -1/m sum_i sum_j y_ij log a_ij with a = softmax(z), dZ = (A - Y) / m (Bridle 1990).

    ``label_smoothing`` e replaces Y by (1 - e) Y + e / n_classes (Szegedy et al. 2016). ``confidence_penalty`` b takes b times
    the mean entropy H(a) = -sum_j a_j log a_j off J, whose derivative is dH/dz_j = -a_j (log a_j + H) (Pereyra et al. 2017).
    """

    label_smoothing: float = bounded(0.0, ge=0, lt=1)
    confidence_penalty: float = bounded(0.0, ge=0)

    def scratch(self, Z: Array, Y: Array) -> Scratch:
        entropy = {"product": np.empty_like(Z.T, order="C")} if self.confidence_penalty else {}
        return super().scratch(Z, Y) | entropy

    def total(self, Z: Array, Y: Array, dZ: Array, scratch: Scratch) -> float:
        if self.label_smoothing:
            Y *= 1 - self.label_smoothing
            Y += self.label_smoothing / len(Y)
        A, log_A, row = dZ, Z, scratch["row"]
        log_softmax(Z, A, row)
        J = -float(np.vdot(Y, log_A))
        dZ -= Y
        if self.confidence_penalty:
            np.add(dZ, Y, out=Y)  # A again
            J -= self.confidence_penalty * self._entropy(Y, log_A, dZ, scratch["product"], row)
        return J

    def _entropy(self, A: Array, log_A: Array, dZ: Array, product: Array, H: Array) -> float:
        """The sum of the columns' entropies H; adds -b dH/dZ = b A (log A + H) to dZ."""
        np.multiply(A, log_A, out=product)
        np.sum(product, axis=0, out=H)
        np.negative(H, out=H)
        np.multiply(A, H, out=A)
        product += A
        product *= self.confidence_penalty
        dZ += product
        return float(np.sum(H))


@dataclass
class BinaryCrossEntropy(Loss):
    """binary_cross_entropy: J = -1/m sum_i sum_j [y_ij log a_ij + (1 - y_ij) log(1 - a_ij)] with a = sigmoid(z), dZ = (A - Y) / m
    (Nielsen 2015, eq. 63).

    Each output is a yes or no of its own. Computed as max(z, 0) - y z + log(1 + e^-|z|), which overflows nowhere.
    """

    def total(self, Z: Array, Y: Array, dZ: Array, scratch: Scratch) -> float:
        J = -float(np.vdot(Y, Z))
        softplus = np.abs(Z, out=dZ)
        np.negative(softplus, out=softplus)
        np.exp(softplus, out=softplus)
        np.log1p(softplus, out=softplus)
        J += float(np.sum(softplus)) + float(np.sum(np.maximum(Z, 0, out=softplus)))
        Z *= 0.5
        A = np.tanh(Z, out=dZ)
        A += 1
        A *= 0.5
        dZ -= Y
        return J

    def probabilities(self, Z: Array) -> Array:
        """sigmoid(Z): each class's own probability; a row need not sum to 1."""
        return sigmoid(Z)


@dataclass
class Focal(Loss):
    """focal: J = -1/m sum_i sum_j y_ij (1 - a_ij)^gamma log a_ij with a = softmax(z) (Lin et al. 2017, eq. 4).

    With gamma = 0 it is the cross-entropy; the larger gamma, the less the examples count that are right already.
    """

    gamma: float = bounded(2.0, ge=0)

    def scratch(self, Z: Array, Y: Array) -> Scratch:
        return super().scratch(Z, Y) | {"weight": np.empty_like(Z.T, order="C"), "miss": np.empty_like(Z.T, order="C")}

    def total(self, Z: Array, Y: Array, dZ: Array, scratch: Scratch) -> float:
        """With h_j = a_j dJ/da_j = y_j (1 - a_j)^gamma (gamma a_j log a_j / (1 - a_j) - 1): dZ_j = h_j - a_j sum_k h_k."""
        A, log_A, row, weight, miss = dZ, Z, scratch["row"], scratch["weight"], scratch["miss"]
        log_softmax(Z, A, row)
        np.expm1(log_A, out=miss)
        np.negative(miss, out=miss)  # 1 - a, exact where a is near 1
        np.power(miss, self.gamma, out=weight)
        weight *= Y
        J = -float(np.vdot(weight, log_A))
        miss += np.finfo(miss.dtype).tiny  # a = 1: then log a = 0, and so is the term
        h = np.divide(log_A, miss, out=miss)
        h *= A
        h *= self.gamma
        h -= 1
        h *= weight
        np.sum(h, axis=0, out=row)
        A *= row
        np.subtract(h, A, out=dZ)
        return J
