"""L1 and L2 penalties and gradient clipping, applied between the gradients and the optimizer's step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array, norm
from mnist_np.nn.network import Network
from mnist_np.optim.optimizer import CHUNK, chunks


class Penalty:
    """l1 sum |W| + l2 / 2 sum W^2 over the weight matrices; biases and norm parameters are free.

    The reported losses are without it, so that training and validation can be compared.
    """

    def __init__(self, training: Training, network: Network) -> None:
        self.l1, self.l2 = training.l1, training.l2
        parts = [(spec.start, spec.stop) for spec in network.specs if spec.is_weight]
        self.parts = [(network.params[a:b], network.grads[a:b]) for a, b in parts]
        self.scratch = np.empty(min(CHUNK, len(network.params)), network.dtype)

    @property
    def active(self) -> bool:
        return bool(self.l1 or self.l2)

    def value(self) -> float:
        """The penalty of the weights as they are."""
        l1 = sum(float(np.abs(W).sum()) for W, _ in self.parts) if self.l1 else 0.0
        l2 = sum(float(W @ W) for W, _ in self.parts) if self.l2 else 0.0
        return self.l1 * l1 + self.l2 / 2 * l2

    def add_gradient(self) -> None:
        """dW <- dW + l1 sign(W) + l2 W."""
        for W, dW in self.parts if self.active else ():
            for w, g, s in chunks(W, dW, scratch=self.scratch):
                if self.l1:
                    np.greater(w, 0, out=s)
                    s *= self.l1
                    g += s
                    np.less(w, 0, out=s)
                    s *= self.l1
                    g -= s
                if self.l2:
                    np.multiply(w, self.l2, out=s)
                    g += s


def clip(grads: Array, clip_value: float | None, clip_norm: float | None, norm_of: Callable[[Array], float] = norm) -> None:
    """Cut each entry to [-clip_value, clip_value]; then, if |grads| > clip_norm, grads <- grads clip_norm / |grads|
    (Pascanu, Mikolov & Bengio 2013)."""
    if clip_value is not None:
        np.clip(grads, -clip_value, clip_value, out=grads)
    if clip_norm is not None:
        length = norm_of(grads)
        if length > clip_norm:
            grads *= clip_norm / length
