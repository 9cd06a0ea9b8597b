"""Learning from another network's opinions: soft targets at a temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnist_np.component import bounded, without_effect
from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.losses.base import Loss, log_softmax, softmax


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

    def scratch(self, Z: Array, Y: Array) -> Scratch:
        return super().scratch(Z, Y) | {"soft": np.empty_like(Z.T, order="C"), "A": np.empty_like(Z.T, order="C")}

    def total(self, Z: Array, Y: Array, dZ: Array, scratch: Scratch) -> float:
        """dZ = (1 - w) (A - Y) + w T (A_T - Y_T), where A_T = softmax(z / T) and Y_T is the teacher's."""
        n, T, row, soft, A_T = len(Z), self.temperature, scratch["row"], scratch["soft"], scratch["A"]
        np.divide(Z, T, out=soft)
        log_softmax(Z, dZ, row)
        hard = -float(np.vdot(Y[:n], Z))
        dZ -= Y[:n]
        if len(Y) == n:
            return hard
        log_softmax(soft, A_T, row)
        J = (1 - self.weight) * hard - self.weight * T**2 * float(np.vdot(Y[n:], soft))
        dZ *= 1 - self.weight
        A_T -= Y[n:]
        A_T *= self.weight * T
        dZ += A_T
        return J
