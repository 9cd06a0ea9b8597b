"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Optimizer, State, chunks


@dataclass
class SGD(Optimizer):
    """W <- W - lr dW: gradient descent on mini-batches (Robbins & Monro 1951)."""

    lr: float = bounded(0.2, gt=0)

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        params -= lr * grads


@dataclass
class Momentum(Optimizer):
    """V <- mu V + (1 - dampening) dW; W <- W - lr V, or W <- W - lr (dW + mu V) with ``nesterov``
    (Polyak 1964; Sutskever, Martens, Dahl & Hinton 2013).

    ``dampening=None`` is the momentum itself, so that V is a weighted mean of gradients (Hinton et al. 2012). A schedule may
    change the momentum from step to step (``schedule.momentum_from``).
    """

    ramps_momentum: ClassVar[bool] = True
    lr: float = bounded(0.03, gt=0)
    momentum: float = bounded(0.9, ge=0, lt=1)
    dampening: float | None = bounded(0.0, ge=0, le=1)
    nesterov: bool = False

    def check(self) -> None:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise self.error("nesterov", True, "needs a momentum > 0 and dampening = 0")

    def state_names(self) -> list[str]:
        return ["V"]

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        return super().init(params, specs) | {"momentum": self.momentum}

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        mu = state["momentum"]
        dampening = mu if self.dampening is None else self.dampening
        for p, g, V, s in chunks(params, grads, state["V"], scratch=state["_scratch"]):
            V *= mu
            if dampening:
                g *= 1 - dampening
            V += g
            if self.nesterov:
                np.multiply(V, mu, out=s)
                g += s
                g *= lr
            else:
                np.multiply(V, lr, out=g)  # scratch would take room in the cache: a third of the time beyond SGD's
            p -= g
