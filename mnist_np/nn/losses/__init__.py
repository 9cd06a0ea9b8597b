"""Losses J of the output layer's logits Z against targets Y, with the gradient dJ/dZ fused in, stable for any logits."""

from __future__ import annotations

from mnist_np.nn.losses.base import Loss, sigmoid, softmax
from mnist_np.nn.losses.distillation import Distillation
from mnist_np.nn.losses.entropy import BinaryCrossEntropy, CrossEntropy, Focal
from mnist_np.nn.losses.squared_error import MeanSquaredError

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Distillation",
    "Focal",
    "Loss",
    "MeanSquaredError",
    "sigmoid",
    "softmax",
]

LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "focal": Focal,
    "distillation": Distillation,
}
