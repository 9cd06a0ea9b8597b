"""Losses: each gives J, the mean of a loss per example, and its derivative dJ/dZ by the logits Z.

J and the derivative are written together, softmax and cross-entropy (say) as one: dZ = (A - Y) / m is simpler than either
derivative alone, and stable for logits of any size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import Component, bounded, one_of, without_effect
from mnist_np.nn.activations import sigmoid
from mnist_np.nn.arrays import Array


def softmax(Z: Array) -> Array:
    """a_ij = e^z_ij / sum_k e^z_ik over each row. The row's largest logit is subtracted first, so that nothing overflows."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    A: Array = E / E.sum(axis=1, keepdims=True)
    return A


def log_softmax(Z: Array) -> Array:
    """log a_ij, also where a_ij itself rounds to 0."""
    Z = Z - Z.max(axis=1, keepdims=True)
    log_A: Array = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    return log_A


@dataclass
class Loss(Component, ABC):
    """A mean over the batch of a loss per example."""

    group: ClassVar[str] = "loss"

    @abstractmethod
    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        """J and dJ/dZ (m, n_classes) of logits Z (m, n_classes) against targets Y (m, n_classes), whose rows sum to 1."""

    def probabilities(self, Z: Array) -> Array:
        """The class probabilities (m, n_classes) that logits Z (m, n_classes) stand for under this loss."""
        return softmax(Z)


@dataclass
class CrossEntropy(Loss):
    """cross_entropy: J = -1/m sum_i sum_j y_ij log a_ij with a = softmax(z), dZ = (A - Y) / m (Bridle 1990).

    ``label_smoothing`` e replaces Y by (1 - e) Y + e / n_classes (Szegedy et al. 2016). ``confidence_penalty`` b takes b times
    the mean entropy H(a) = -sum_j a_j log a_j off J, whose derivative is dH/dz_j = -a_j (log a_j + H) (Pereyra et al. 2017).
    """

    label_smoothing: float = bounded(0.0, ge=0, lt=1)
    confidence_penalty: float = bounded(0.0, ge=0)

    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        m, n_classes = Z.shape
        if self.label_smoothing:
            Y = (1 - self.label_smoothing) * Y + self.label_smoothing / n_classes
        A, log_A = softmax(Z), log_softmax(Z)
        J = -np.sum(Y * log_A) / m
        dZ = (A - Y) / m
        if self.confidence_penalty:
            H = -np.sum(A * log_A, axis=1, keepdims=True)
            J = J - self.confidence_penalty * np.sum(H) / m
            dZ = dZ + self.confidence_penalty * A * (log_A + H) / m
        return float(J), dZ


@dataclass
class BinaryCrossEntropy(Loss):
    """binary_cross_entropy: J = -1/m sum_i sum_j [y_ij log a_ij + (1 - y_ij) log(1 - a_ij)] with a = sigmoid(z), dZ = (A - Y) / m
    (Nielsen 2015, eq. 63).

    Each output is a yes or no of its own. Computed as max(z, 0) - y z + log(1 + e^-|z|), which overflows nowhere.
    """

    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        m = len(Z)
        J = np.sum(np.maximum(0, Z) - Y * Z + np.log1p(np.exp(-np.abs(Z)))) / m
        dZ = (sigmoid(Z) - Y) / m
        return float(J), dZ

    def probabilities(self, Z: Array) -> Array:
        """sigmoid(Z): each class's own probability; a row need not sum to 1."""
        return sigmoid(Z)


@dataclass
class MeanSquaredError(Loss):
    """mean_squared_error: J = 1/(2m) sum_i |a_i - y_i|^2 with a = output(z) (Rumelhart, Hinton & Williams 1986).

    ``output`` is ``sigmoid``, where dZ = (A - Y) A (1 - A) / m, ``softmax``, where dZ = A (D - sum_k d_k a_k) / m with D = A - Y,
    or ``identity``, where dZ = (Z - Y) / m.
    """

    output: str = one_of("sigmoid", "sigmoid", "softmax", "identity")

    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        m, A = len(Z), self.outputs(Z)
        D = A - Y
        J = np.sum(D * D) / (2 * m)
        if self.output == "sigmoid":
            dZ = D * A * (1 - A) / m
        elif self.output == "softmax":
            dZ = A * (D - np.sum(D * A, axis=1, keepdims=True)) / m
        else:
            dZ = D / m
        return float(J), dZ

    def outputs(self, Z: Array) -> Array:
        """A = output(Z)."""
        return {"sigmoid": sigmoid, "softmax": softmax}[self.output](Z) if self.output != "identity" else Z

    def probabilities(self, Z: Array) -> Array:
        """The outputs, cut to [0, 1] where they are the identity's; only those of ``softmax`` sum to 1."""
        return np.clip(self.outputs(Z), 0, 1)


@dataclass
class Focal(Loss):
    """focal: J = -1/m sum_i sum_j y_ij (1 - a_ij)^gamma log a_ij with a = softmax(z) (Lin et al. 2017, eq. 4).

    With gamma = 0 it is the cross-entropy; the larger gamma, the less the examples count that are right already.
    """

    gamma: float = bounded(2.0, ge=0)

    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        """With h_j = a_j dJ/da_j = y_j (1 - a_j)^gamma (gamma a_j log a_j / (1 - a_j) - 1): dZ_j = h_j - a_j sum_k h_k."""
        m, A, log_A = len(Z), softmax(Z), log_softmax(Z)
        rest = -np.expm1(log_A)  # 1 - a, exact where a is near 1
        weight = Y * rest**self.gamma
        J = -np.sum(weight * log_A) / m
        ratio = log_A / (rest + np.finfo(Z.dtype).tiny)  # a = 1: then log a = 0, and so is the term
        h = weight * (self.gamma * A * ratio - 1)
        dZ = (h - A * np.sum(h, axis=1, keepdims=True)) / m
        return float(J), dZ


@dataclass
class Distillation(Loss):
    """distillation: J = (1 - w) H(y, softmax(z)) + w T^2 H(softmax(t / T), softmax(z / T)) (Hinton, Vinyals & Dean 2015).

    H is the cross-entropy, w the ``weight``, T the ``temperature`` and t the teacher's logits. ``teacher`` is a weights file
    or the run that left it. The teacher's softened probabilities, `soften(t)`, are computed once and stand beside the
    labels: Y is (m, 2 n_classes) in training. Where it is (m, n_classes), as in validation, J is the cross-entropy alone.
    """

    teacher: str | None = without_effect(None)  # the path; its weights themselves are in the fingerprint
    temperature: float = bounded(4.0, gt=0)
    weight: float = bounded(0.9, ge=0, le=1)

    def soften(self, logits: Array) -> Array:
        """softmax(t / T) of the teacher's logits t (m, n_classes)."""
        return softmax(logits / self.temperature)

    def __call__(self, Z: Array, Y: Array) -> tuple[float, Array]:
        """dJ/dZ = (1 - w) dH/dZ + w T dH_T/dZ_T with Z_T = Z / T, by the chain rule."""
        H, n, w, T = CrossEntropy(), Z.shape[1], self.weight, self.temperature
        hard, dZ = H(Z, Y[:, :n])
        if Y.shape[1] == n:
            return hard, dZ
        soft, dZ_T = H(Z / T, Y[:, n:])
        return (1 - w) * hard + w * T**2 * soft, (1 - w) * dZ + w * T * dZ_T


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "focal": Focal,
    "distillation": Distillation,
}
