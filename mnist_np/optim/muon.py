"""Muon: orthogonalized momentum for the weight matrices, Adam for all other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.adam import Adam
from mnist_np.optim.optimizer import Optimizer, State, mix

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b, c of Jordan et al. (2024): steep at 0, so that a few iterations bring every singular value to between 0.7 and 1.2."""


@dataclass
class Muon(Optimizer):
    """V <- mu V + (1 - mu) dW; W <- W - lr 0.2 sqrt(max(n_in, n_out)) orth(V) for each weight matrix, where orth(V) approximates
    P Q^T of the singular value decomposition V = P S Q^T; with ``nesterov`` orth(mu V + (1 - mu) dW) (Jordan et al. 2024).

    Adam updates biases and norm parameters. The factor 0.2 sqrt(max(n_in, n_out)) gives the matrices steps of Adam's size, so
    that one lr serves both (Liu et al. 2025).
    """

    ramps_momentum: ClassVar[bool] = True
    lr: float = bounded(0.001, gt=0)
    weight_decay: float = bounded(0.01, ge=0)
    momentum: float = bounded(0.95, ge=0, lt=1)
    nesterov: bool = True
    iterations: int = bounded(5, ge=1, le=100)
    beta1: float = bounded(0.9, ge=0, lt=1)
    beta2: float = bounded(0.999, ge=0, lt=1)
    eps: float = bounded(1e-8, gt=0)

    def state_names(self) -> list[str]:
        """V holds V of the weight matrices and Adam's m of all else; v is Adam's, and unused for the matrices."""
        return ["V", "v"]

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        orthogonalizers = {spec.name: Orthogonalizer(spec.shape, params.dtype) for spec in specs if spec.is_weight}
        own = {
            "momentum": self.momentum,
            "_param_specs": specs,
            "_orthogonalizers": orthogonalizers,
            "_step": np.empty_like(params),
        }
        return super().init(params, specs) | own

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        adam, mu = Adam(beta1=self.beta1, beta2=self.beta2, eps=self.eps), state["momentum"]
        for spec in state["_param_specs"]:
            part = slice(spec.start, spec.stop)
            W, dW, V, v, step = (vector[part] for vector in (params, grads, state["V"], state["v"], state["_step"]))
            if not spec.is_weight:
                adam.update({"t": state["t"], "m": V, "v": v, "_scratch": step}, W, dW, lr)
                continue
            mix(V, dW, mu, step)
            if self.nesterov:
                mix(dW, V, 1 - mu, step)
            else:
                np.copyto(dW, V)
            state["_orthogonalizers"][spec.name](spec.view(grads), self.iterations)
            dW *= 0.2 * lr * sqrt(max(spec.shape))
            W -= dW


class Orthogonalizer:
    """Replaces G (n_in, n_out) by approximately the nearest orthogonal matrix, by Newton-Schulz iterations on X = G / |G|:
    X <- a X + (b X X^T + c (X X^T)^2) X, which changes the singular values alone and drives them towards 1.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        short, long = min(shape), max(shape)
        self.transposed = shape[0] > shape[1]
        self.X, self.BX = np.empty((short, long), dtype), np.empty((short, long), dtype)
        self.S, self.SS = np.empty((short, short), dtype), np.empty((short, short), dtype)

    def __call__(self, G: Array, iterations: int) -> None:
        X, S, SS = self.X, self.S, self.SS
        a, b, c = COEFFICIENTS
        np.copyto(X, G.T if self.transposed else G)
        X /= max(float(np.linalg.norm(X)), 1e-7)
        for _ in range(iterations):
            np.matmul(X, X.T, out=S)
            np.matmul(S, S, out=SS)
            S *= b
            SS *= c
            SS += S
            np.matmul(SS, X, out=self.BX)
            X *= a
            X += self.BX
        np.copyto(G, X.T if self.transposed else X)
