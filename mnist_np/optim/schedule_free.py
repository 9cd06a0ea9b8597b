"""Schedule-free optimizers (Defazio et al. 2024): an average of the iterates replaces a decreasing learning rate.

There are three sequences: z, which the gradient steps change; x, the weighted mean of z, which is evaluated and saved; and
y = (1 - beta) z + beta x, at which gradients are computed. While training, the network's parameters are y::

    z <- z - lr D(dW at y)        D(dW) = dW, or dW / (sqrt(v) + eps)
    x <- (1 - c) x + c z          c = lr_max^2 / (sum of lr_max^2 over the steps so far)

Use the schedule `Constant`, with or without a warm-up. Running statistics of batch norm are those at y.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Optimizer, State, chunks, mix_square


@dataclass
class ScheduleFree(Optimizer):
    """Base class: the three sequences. ``weight_decay`` decays z by lr weight_decay y."""

    averages: ClassVar[bool] = True
    beta: float = bounded(0.9, ge=0, lt=1)

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        sequences = {"z": params.copy(), "x": params.copy()}
        return super().init(params, specs) | sequences | {"lr_max": 0.0, "weight_sum": 0.0}

    @abstractmethod
    def direction(self, state: State, grads: Array) -> None:
        """Replace ``grads``, dW, by D(dW)."""

    def rate(self, lr: float, t: int) -> float:
        """The factor of D(dW) at step t for learning rate lr."""
        return lr

    def decay(self, state: State, params: Array, lr: float, part: slice) -> None:
        """z <- z - lr * weight_decay * y; x and y follow in `update`."""
        shrink = self.rate(lr, state["t"]) * self.weight_decay
        for y, z, s in chunks(params[part], state["z"][part], scratch=state["_scratch"]):
            np.multiply(y, shrink, out=s)
            z -= s

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        lr = self.rate(lr, state["t"])
        if lr > state["lr_max"]:
            state["weight_sum"] *= (state["lr_max"] / lr) ** 2  # it is in units of lr_max^2, which itself may overflow
            state["lr_max"] = lr
        state["weight_sum"] += 1
        c = 1 / state["weight_sum"] if state["lr_max"] else 0.0
        self.direction(state, grads)
        for y, g, z, x, s in chunks(params, grads, state["z"], state["x"], scratch=state["_scratch"]):
            g *= lr
            z -= g
            np.subtract(z, x, out=s)
            s *= c
            x += s
            np.subtract(x, z, out=s)
            s *= self.beta
            np.add(z, s, out=y)

    def eval_params(self, state: State, params: Array, out: Array) -> None:
        np.copyto(out, state["x"])


@dataclass
class ScheduleFreeSGD(ScheduleFree):
    """Schedule-free gradient descent: D(dW) = dW; z <- z - lr dW; x the mean of the z; dW taken at y = (1 - beta) z + beta x
    (Defazio et al. 2024). It needs a larger lr than SGD."""

    lr: float = bounded(1.0, gt=0)

    def direction(self, state: State, grads: Array) -> None:
        """D(dW) = dW."""


@dataclass
class ScheduleFreeAdamW(ScheduleFree):
    """Schedule-free AdamW: z <- z - lr sqrt(1 - beta2^t) dW / (sqrt(v) + eps) with v <- beta2 v + (1 - beta2) dW^2; x the
    mean of the z; dW taken at y = (1 - beta) z + beta x (Defazio et al. 2024)."""

    lr: float = bounded(0.005, gt=0)
    weight_decay: float = bounded(0.0, ge=0)
    beta2: float = bounded(0.999, ge=0, lt=1)
    eps: float = bounded(1e-8, gt=0)

    def state_names(self) -> list[str]:
        return ["v"]

    def rate(self, lr: float, t: int) -> float:
        return lr * sqrt(1 - self.beta2**t)

    def direction(self, state: State, grads: Array) -> None:
        """D(dW) = dW / (sqrt(v) + eps)."""
        for g, v, s in chunks(grads, state["v"], scratch=state["_scratch"]):
            mix_square(v, g, self.beta2, s)
            np.sqrt(v, out=s)
            s += self.eps
            g /= s
