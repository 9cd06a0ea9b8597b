"""Optimizers that divide each gradient by the root of a sum or mean of its past squares: Adagrad, RMSprop, Adadelta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Optimizer, State, chunks, mix, mix_square


@dataclass
class Adagrad(Optimizer):
    """v <- v + dW^2; W <- W - lr dW / (sqrt(v) + eps), v from ``initial`` (Duchi, Hazan & Singer 2011)."""

    lr: float = bounded(0.03, gt=0)
    initial: float = bounded(0.0, ge=0)
    eps: float = bounded(1e-10, gt=0)

    def state_names(self) -> list[str]:
        return ["v"]

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        state = super().init(params, specs)
        state["v"] += self.initial
        return state

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        for p, g, v, s in chunks(params, grads, state["v"], scratch=state["_scratch"]):
            np.square(g, out=s)
            v += s
            np.sqrt(v, out=s)
            s += self.eps
            np.divide(g, s, out=s)
            s *= lr
            p -= s


@dataclass
class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) dW^2; W <- W - lr dW / (sqrt(v) + eps) (Tieleman & Hinton 2012).

    With ``centered``, v is replaced by the variance v - m^2 with m <- rho m + (1 - rho) dW (Graves 2013). With ``momentum``,
    V <- momentum V + dW / (sqrt(v) + eps); W <- W - lr V.
    """

    lr: float = bounded(0.001, gt=0)
    rho: float = bounded(0.99, ge=0, lt=1)
    eps: float = bounded(1e-8, gt=0)
    centered: bool = False
    momentum: float = bounded(0.0, ge=0, lt=1)

    def state_names(self) -> list[str]:
        return ["v"] + ["m"] * self.centered + ["V"] * (self.momentum > 0)

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        mean: Array = state["m" if self.centered else "v"]
        velocity: Array = state["V" if self.momentum else "v"]
        for p, g, v, m, V, s in chunks(params, grads, state["v"], mean, velocity, scratch=state["_scratch"]):
            if self.centered:
                mix(m, g, self.rho, s)
            mix_square(v, g, self.rho, s)
            if self.centered:
                np.square(m, out=s)
                np.subtract(v, s, out=s)
                np.maximum(s, 0, out=s)  # rounding can make a variance negative
                np.sqrt(s, out=s)
            else:
                np.sqrt(v, out=s)
            s += self.eps
            np.divide(g, s, out=s)
            if self.momentum:
                V *= self.momentum
                V += s
                np.copyto(s, V)
            s *= lr
            p -= s


@dataclass
class Adadelta(Optimizer):
    """v <- rho v + (1 - rho) dW^2; D = sqrt(u + eps) / sqrt(v + eps) dW; u <- rho u + (1 - rho) D^2; W <- W - lr D
    (Zeiler 2012, where lr is 1)."""

    lr: float = bounded(1.0, gt=0)
    rho: float = bounded(0.9, ge=0, lt=1)
    eps: float = bounded(1e-6, gt=0)

    def state_names(self) -> list[str]:
        return ["v", "u"]

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        for p, g, v, u, s in chunks(params, grads, state["v"], state["u"], scratch=state["_scratch"]):
            mix_square(v, g, self.rho, s)
            np.add(v, self.eps, out=s)
            np.sqrt(s, out=s)
            g /= s
            np.add(u, self.eps, out=s)
            np.sqrt(s, out=s)
            g *= s  # g is now the step D
            mix_square(u, g, self.rho, s)
            g *= lr
            p -= g
