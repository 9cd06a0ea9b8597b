"""Losses J of the output layer's logits Z against targets Y, with the gradient dJ/dZ fused in, stable for any logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import Component
from mnist_np.nn.arrays import Array


@dataclass
class Loss(Component, ABC):
    """A mean over the batch of a loss per example. Z and Y have shape (m, n_classes); each row of Y sums to 1."""

    group: ClassVar[str] = "loss"

    @abstractmethod
    def value(self, Z: Array, Y: Array, dZ: Array | None = None) -> float:
        """J, and, unless dZ is None, its derivative dJ/dZ (with the 1/m of the mean) written into dZ (m, n_classes)."""

    def probabilities(self, Z: Array) -> Array:
        """The class probabilities (m, n_classes) that logits Z stand for under this loss."""
        return softmax(Z)


def softmax(Z: Array) -> Array:
    """a_ij = e^z_ij / sum_k e^z_ik over each row, with the row's largest logit taken off first, so that nothing overflows."""
    A: Array = np.exp(Z - Z.max(axis=1, keepdims=True))
    A /= A.sum(axis=1, keepdims=True)
    return A


@dataclass
class CrossEntropy(Loss):
    """J = -1/m sum_i sum_j y_ij log a_ij with a = softmax(z), by log-sum-exp; dZ = (A - Y) / m."""

    def value(self, Z: Array, Y: Array, dZ: Array | None = None) -> float:
        m = len(Z)
        shifted = Z - Z.max(axis=1, keepdims=True)
        A = np.exp(shifted, out=dZ)
        total = A.sum(axis=1, keepdims=True)
        J = float(np.log(total).sum() - np.vdot(Y, shifted)) / m
        if dZ is not None:
            dZ /= total
            dZ -= Y
            dZ /= m
        return J


LOSSES: dict[str, type[Loss]] = {"cross_entropy": CrossEntropy}
