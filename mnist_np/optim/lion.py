"""Lion: descent by the sign of a momentum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.optim.optimizer import Optimizer, State, chunks


@dataclass
class Lion(Optimizer):
    """W <- W - lr sign(beta1 m + (1 - beta1) dW); then m <- beta2 m + (1 - beta2) dW (Chen et al. 2023).

    Every weight moves by lr each step, so lr is about ten times smaller than Adam's.
    """

    lr: float = bounded(0.0002, gt=0)
    beta1: float = bounded(0.9, ge=0, lt=1)
    beta2: float = bounded(0.99, ge=0, lt=1)

    def state_names(self) -> list[str]:
        return ["m"]

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        for p, g, m, s in chunks(params, grads, state["m"], scratch=state["_scratch"]):
            np.subtract(m, g, out=s)
            s *= self.beta1
            s += g  # beta1 m + (1 - beta1) g
            g *= 1 - self.beta2
            m *= self.beta2
            m += g
            np.greater(s, 0, out=g)
            np.less(s, 0, out=s)
            g -= s  # the sign; np.sign takes nine times as long on random signs
            g *= lr
            p -= g
