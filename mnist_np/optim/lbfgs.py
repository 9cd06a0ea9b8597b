"""L-BFGS, a quasi-Newton method on the whole training set, and its line search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from mnist_np.component import bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Objective, Optimizer, State

ARMIJO, CURVATURE = 1e-4, 0.9
"""Constants of the strong Wolfe conditions, as usual for quasi-Newton directions (Nocedal & Wright 2006, page 62)."""


class Point(NamedTuple):
    """The objective along the line at step t: its value f(t) and its slope f'(t)."""

    t: float
    f: float
    slope: float


@dataclass
class LBFGS(Optimizer):
    """W <- W - t H dW on the full training set, where H approximates the inverse Hessian by the last ``history`` changes of W and
    dW, and t satisfies the strong Wolfe conditions (Liu & Nocedal 1989; Nocedal & Wright 2006, algorithm 7.5).

    A step is an epoch: up to ``iterations`` such updates, each of about one pass over the training set (``max_evaluations`` in
    all). ``lr`` is the first t that is tried. ``training.batch_size`` has no effect. ``train/loss`` and ``train/accuracy`` are
    those after the updates; with other optimizers each batch counts as it was before its update.
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
        """Changes s of the parameters and y of the gradients, rho = 1 / (s . y) of each pair, and the number of pairs so far."""
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
            """The objective at W = origin + t d. It may overflow if t is too large; the search then tries a smaller one."""
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
        """Replace the oldest pair by s = W - origin and y = dW - (dW at origin), if s . y is positive."""
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


def strong_wolfe(line: Callable[[float], Point], start: Point, t: float, evaluations: int, smallest: float = 0.0) -> Point:
    """A point with f(t) <= f(0) + 1e-4 t f'(0) and |f'(t)| <= 0.9 |f'(0)| (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

    Steps that grow by a factor of at most ten find an interval that contains such a point; cubic interpolation narrows it.

    Args:
        line: evaluates f and f' at t.
        start: the line at 0, with a negative slope.
        t: the first step to try.
        evaluations: how many more may follow.
        smallest: the width of the interval at which the search ends.

    Returns:
        The point; or the lowest one found, which may be ``start``, if the search ends before.
    """

    def falls_short(point: Point) -> bool:
        return not point.f <= start.f + ARMIJO * point.t * start.slope  # true for NaN too

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * start.slope

    previous, point, used = start, line(t), 0
    while not (falls_short(point) or point.f >= previous.f):
        if is_flat(point):
            return point
        if point.slope >= 0:
            break
        if used == evaluations:
            return point
        stride = point.t - previous.t
        t = minimum_of_cubic(previous, point, point.t + 0.01 * stride, 10 * point.t)
        previous, point, used = point, line(t), used + 1

    low, high = (point, previous) if point.f < previous.f else (previous, point)
    stuck = False
    while used < evaluations and abs(high.t - low.t) > smallest:
        left, right = sorted((low, high))
        t, stuck = inside(minimum_of_cubic(left, right, left.t, right.t), left.t, right.t, stuck)
        point, used = line(t), used + 1
        if falls_short(point) or point.f >= low.f:
            high = point
            continue
        if is_flat(point):
            return point
        if point.slope * (high.t - low.t) >= 0:
            high = low
        low = point
    return low


def inside(t: float, left: float, right: float, stuck: bool) -> tuple[float, bool]:
    """``t``, moved inwards by a tenth of the interval if it is at an end, or near one for the second time in a row (``stuck``).

    Returns:
        The point, and whether it is near an end.
    """
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if right - t < t - left else left + margin), False
    return t, True


def minimum_of_cubic(left: Point, right: Point, lowest: float, highest: float) -> float:
    """The minimum of the cubic through both points with their slopes, clipped to [lowest, highest]; the middle of these if the
    cubic has no minimum (Nocedal & Wright 2006, equation 3.59).
    """
    if left.t == right.t:
        return (lowest + highest) / 2
    d1 = left.slope + right.slope - 3 * (left.f - right.f) / (left.t - right.t)
    square = d1 * d1 - left.slope * right.slope
    if not 0 <= square < inf:
        return (lowest + highest) / 2
    d2 = sqrt(square)
    denominator = right.slope - left.slope + 2 * d2
    if denominator == 0:  # a straight line
        return (lowest + highest) / 2
    return min(max(right.t - (right.t - left.t) * (right.slope + d2 - d1) / denominator, lowest), highest)
