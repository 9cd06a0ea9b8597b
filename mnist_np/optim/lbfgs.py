"""L-BFGS: the classical quasi-Newton method, which needs the whole objective and not samples of its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.line_search import Point, strong_wolfe
from mnist_np.optim.optimizer import Objective, Optimizer, State


@dataclass
class LBFGS(Optimizer):
    """W <- W - t H dW on the full training set: H, near the inverse Hessian, is made of the last ``history`` changes of W and
    dW, and t satisfies the strong Wolfe conditions (Liu & Nocedal 1989; Nocedal & Wright 2006, algorithm 7.5).

    A step, which is an epoch, goes through up to ``iterations`` such updates, each of about one pass over the training set
    (``max_evaluations`` in all). ``lr`` is the first t that is tried. ``training.batch_size`` has no effect. ``train/loss`` and
    ``train/accuracy`` are those after an epoch's updates; with other optimizers each batch counts as before its update.
    """

    full_batch: ClassVar[bool] = True
    lr: float = bounded(1.0, gt=0)
    iterations: int = bounded(30, ge=1)
    max_evaluations: int = bounded(40, ge=2)
    history: int = bounded(20, ge=1, le=1000)
    tolerance: float = bounded(1e-9, ge=0)

    def check(self) -> None:
        if self.weight_decay:
            raise self.error("weight_decay", self.weight_decay, "must be 0 with lbfgs: use training.l2, part of the objective")

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        """Changes of the parameters and of the gradients, 1 / (s . y) of each, and how many there have been."""
        pairs = {name: np.zeros((self.history, len(params)), params.dtype) for name in ("s", "y")}
        work = {f"_{name}": np.empty_like(params) for name in ("direction", "origin", "gradient", "product")}
        return {"t": 0, "pairs": 0, "rho": np.zeros(self.history)} | pairs | work

    def step(
        self,
        state: State,
        params: Array,
        grads: Array,
        lr: float,
        specs: Sequence[ParamSpec],
        objective: Objective | None = None,
    ) -> None:
        if objective is None:
            raise TypeError("LBFGS.step needs the objective")
        state["t"] += 1
        d, origin, gradient = state["_direction"], state["_origin"], state["_gradient"]
        loss, evaluations, last = objective(), 1, 0.0

        def line(t: float) -> Point:
            """The objective at W = origin + t d. It may overflow where t is too long; then a shorter one is tried."""
            nonlocal evaluations, last
            evaluations, last = evaluations + 1, t
            with np.errstate(over="ignore", invalid="ignore"):
                np.multiply(d, t, out=params)
                np.add(params, origin, out=params)
                loss = objective()
                return Point(t, loss, float(grads @ d))

        for _ in range(self.iterations):
            self.find_direction(state, grads)
            slope = float(grads @ d)
            if evaluations >= self.max_evaluations or slope >= -self.tolerance:
                break
            np.copyto(origin, params)
            np.copyto(gradient, grads)
            first = lr if state["pairs"] else lr * min(1.0, 1 / float(np.abs(gradient, out=state["_product"]).sum()))
            if first == 0:  # where a schedule ends at 0
                break
            smallest = self.tolerance / max(float(d.max()), -float(d.min()))
            found = strong_wolfe(line, Point(0.0, loss, slope), first, self.max_evaluations - evaluations, smallest)
            if found.t != last:
                found = line(found.t)
            if found.t == 0:
                break
            loss = found.f
            self.remember(state, params, grads)

    def find_direction(self, state: State, grads: Array) -> None:
        """d <- -H dW by the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4)."""
        d, s, y, rho = state["_direction"], state["s"], state["y"], state["rho"]
        newest_first = [i % self.history for i in reversed(range(max(0, state["pairs"] - self.history), state["pairs"]))]
        alpha = {}
        np.negative(grads, out=d)
        for i in newest_first:
            alpha[i] = float(rho[i] * (s[i] @ d))
            self.add(state, d, -alpha[i], y[i])
        if newest_first:
            latest = newest_first[0]
            d *= 1 / float(rho[latest] * (y[latest] @ y[latest]))
        for i in reversed(newest_first):
            beta = float(rho[i] * (y[i] @ d))
            self.add(state, d, alpha[i] - beta, s[i])

    def remember(self, state: State, params: Array, grads: Array) -> None:
        """Put s = W - origin and y = dW - dW at the origin in the place of the oldest pair, if the line curves upwards."""
        s, y = state["_origin"], state["_gradient"]
        np.subtract(params, s, out=s)
        np.subtract(grads, y, out=y)
        curvature = float(s @ y)
        if curvature > 1e-10:
            i = state["pairs"] % self.history
            state["s"][i], state["y"][i], state["rho"][i] = s, y, 1 / curvature
            state["pairs"] += 1

    @staticmethod
    def add(state: State, x: Array, a: float, y: Array) -> None:
        """x <- x + a y."""
        np.multiply(y, a, out=state["_product"])
        x += state["_product"]
