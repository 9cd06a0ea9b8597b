"""How far to go along a direction: to a point that satisfies the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt
from typing import NamedTuple

ARMIJO, CURVATURE = 1e-4, 0.9
"""The usual constants for quasi-Newton directions (Nocedal & Wright 2006, page 62)."""


class Point(NamedTuple):
    """The objective along the line at step t: its value f(t) and its slope f'(t)."""

    t: float
    f: float
    slope: float


def strong_wolfe(line: Callable[[float], Point], start: Point, t: float, evaluations: int, smallest: float = 0.0) -> Point:
    """A point with f(t) <= f(0) + 1e-4 t f'(0) and |f'(t)| <= 0.9 |f'(0)| (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

    ``start`` is the line at 0, where it must fall; ``t`` is the first step tried. Strides of at most ten times the last find
    an interval that must hold such a point, cubic interpolation narrows it. After ``evaluations`` more, or when the interval
    is shorter than ``smallest``, the lowest point found is returned, which may be ``start``.
    """

    def falls_short(point: Point) -> bool:
        return not point.f <= start.f + ARMIJO * point.t * start.slope  # true for NaN too

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * start.slope

    previous, point, used = start, line(t), 0
    while not (falls_short(point) or (used > 1 and point.f >= previous.f)):
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
    """``t`` itself, unless it is at an end of the interval, or near one for the second time running (``stuck``): then it is
    moved a tenth of the interval inwards. Also says whether it was left near an end."""
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if right - t < t - left else left + margin), False
    return t, True


def minimum_of_cubic(left: Point, right: Point, lowest: float, highest: float) -> float:
    """Where the cubic through both points with their slopes is least, kept within [lowest, highest]; their middle if there
    is no such place (Nocedal & Wright 2006, equation 3.59)."""
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
