"""Adam and its variants: a running mean of gradients over the root of a running mean of their squares, bias-corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Optimizer, State, chunks, mix, mix_square


@dataclass
class Adam(Optimizer):
    """m <- beta1 m + (1 - beta1) dW; v <- beta2 v + (1 - beta2) dW^2;
    W <- W - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) (Kingma & Ba 2015).

    ``amsgrad`` divides by the largest v so far (Reddi, Kale & Kumar 2018). With ``weight_decay``, which is decoupled, this
    is AdamW; with ``training.l2`` it is Adam with an L2 penalty.
    """

    lr: float = bounded(0.001, gt=0)
    beta1: float = bounded(0.9, ge=0, lt=1)
    beta2: float = bounded(0.999, ge=0, lt=1)
    eps: float = bounded(1e-8, gt=0)
    amsgrad: bool = False

    def state_names(self) -> list[str]:
        return ["m", "v"] + ["v_max"] * self.amsgrad

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        # m and v of the state lack their factors (1 - beta), which saves two passes over the memory: alpha and eps have them.
        t, root = state["t"], sqrt((1 - self.beta2) / (1 - self.beta2 ** state["t"]))
        alpha, eps = lr * (1 - self.beta1) / (1 - self.beta1**t) / root, self.eps / root
        largest: Array = state["v_max" if self.amsgrad else "v"]
        for p, g, m, v, v_max, s in chunks(params, grads, state["m"], state["v"], largest, scratch=state["_scratch"]):
            m *= self.beta1
            m += g
            g *= g
            v *= self.beta2
            v += g
            if self.amsgrad:
                np.maximum(v_max, v, out=v_max)
            np.sqrt(v_max, out=s)
            s += eps
            np.divide(m, s, out=s)
            s *= alpha
            p -= s


@dataclass
class AdamW(Adam):
    """Adam with decoupled weight decay, W <- W - lr weight_decay W - Adam's step (Loshchilov & Hutter 2019)."""

    weight_decay: float = bounded(0.01, ge=0)


@dataclass
class NAdam(Optimizer):
    """Adam with Nesterov's look-ahead: m and v as in Adam, mu_t = beta1 (1 - 0.96^(t psi) / 2), and
    W <- W - lr (mu_(t+1) m / (1 - mu_1 ... mu_(t+1)) + (1 - mu_t) dW / (1 - mu_1 ... mu_t)) / (sqrt(v / (1 - beta2^t)) + eps)
    with psi = ``momentum_decay`` (Dozat 2016)."""

    lr: float = bounded(0.001, gt=0)
    beta1: float = bounded(0.9, ge=0, lt=1)
    beta2: float = bounded(0.999, ge=0, lt=1)
    eps: float = bounded(1e-8, gt=0)
    momentum_decay: float = bounded(0.004, ge=0)

    def state_names(self) -> list[str]:
        return ["m", "v"]

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        return super().init(params, specs) | {"mu_product": 1.0}

    def mu(self, t: int) -> float:
        """The momentum of step t."""
        decay: float = 0.96 ** (t * self.momentum_decay)
        return self.beta1 * (1 - 0.5 * decay)

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        t = state["t"]
        state["mu_product"] *= self.mu(t)
        of_m = lr * self.mu(t + 1) / (1 - state["mu_product"] * self.mu(t + 1))
        of_g = lr * (1 - self.mu(t)) / (1 - state["mu_product"])
        for p, g, m, v, s in chunks(params, grads, state["m"], state["v"], scratch=state["_scratch"]):
            mix(m, g, self.beta1, s)
            mix_square(v, g, self.beta2, s)
            g *= of_g
            np.multiply(m, of_m, out=s)
            g += s
            np.multiply(v, 1 / (1 - self.beta2**t), out=s)
            np.sqrt(s, out=s)
            s += self.eps
            g /= s
            p -= g


@dataclass
class RAdam(Optimizer):
    """Rectified Adam: W <- W - lr m / (1 - beta1^t) while the variance of v is undefined or large (rho_t <= 5), then
    W <- W - lr r_t m / (1 - beta1^t) / ((sqrt(v) + eps) / sqrt(1 - beta2^t)), with rho = 2 / (1 - beta2) - 1,
    rho_t = rho - 2 t beta2^t / (1 - beta2^t) and r_t = sqrt((rho_t - 4)(rho_t - 2) rho / ((rho - 4)(rho - 2) rho_t))
    (Liu, Jiang, He, Chen, Liu, Gao & Han 2020).
    """

    lr: float = bounded(0.002, gt=0)
    beta1: float = bounded(0.9, ge=0, lt=1)
    beta2: float = bounded(0.999, ge=0, lt=1)
    eps: float = bounded(1e-8, gt=0)

    def state_names(self) -> list[str]:
        return ["m", "v"]

    def rectification(self, t: int) -> float | None:
        """r_t, or None while rho_t <= 5."""
        rho = 2 / (1 - self.beta2) - 1
        rho_t = rho - 2 * t * self.beta2**t / (1 - self.beta2**t)
        if rho_t <= 5:
            return None
        return sqrt((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t))

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        t = state["t"]
        r = self.rectification(t)
        alpha = lr / (1 - self.beta1**t)
        for p, g, m, v, s in chunks(params, grads, state["m"], state["v"], scratch=state["_scratch"]):
            mix(m, g, self.beta1, s)
            mix_square(v, g, self.beta2, s)
            if r is None:
                np.multiply(m, alpha, out=s)
            else:
                np.sqrt(v, out=s)
                s += self.eps
                np.divide(m, s, out=s)
                s *= alpha * r * sqrt(1 - self.beta2**t)
            p -= s
