"""Scales of axes: params by their type, accuracies by the logarithm of the error, so that 0.98 and 0.99 are well separated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from mnist_np.figures.style import shorten
from mnist_np.sweep.values import Param, readable

FLOOR = 5e-5
"""The smallest error on an accuracy axis: half an example of ten thousand."""
ENOUGH = 4
"""The number of ticks that an axis should have."""


@dataclass(frozen=True)
class Scale:
    """An axis: ``forward`` maps values to coordinates, ``ticks`` are (value, label), ``limits`` are coordinates."""

    forward: Callable[[ArrayLike], NDArray[np.float64]]
    ticks: list[tuple[float, str]]
    limits: tuple[float, float]

    def unit(self, value: ArrayLike) -> NDArray[np.float64]:
        """Positions of values between the limits, from 0 to 1."""
        low, high = self.limits
        return (self.forward(value) - low) / (high - low)

    def apply(self, axes: Axes, which: Literal["x", "y"], margin: float = 0.05) -> None:
        """Set the ticks and limits of an axis of ``axes``, on which ``forward`` coordinates are drawn."""
        low, high = self.limits
        room = margin * (high - low)
        (axes.set_xlim if which == "x" else axes.set_ylim)(low - room, high + room)
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_ticks([float(self.forward(value)) for value, _ in self.ticks], labels=[label for _, label in self.ticks])


def param_scale(param: Param, most_ticks: int = 8) -> Scale:
    """The axis of a varied param: a tick for each of few values, round ticks for many numbers."""
    positions = [param.position(value) for value in param.values]
    forward = _log10 if param.scale == "log" else _same
    if len(param.values) <= most_ticks or param.scale == "category":
        ticks = _thinned([(p, shorten(readable(v))) for p, v in zip(positions, param.values, strict=True)], 2 * most_ticks)
    else:
        ticks = _log_ticks(positions) if param.scale == "log" else _round_ticks(positions)
    return Scale(forward, ticks, _limits(forward(positions)))


def metric_scale(column: str, values: Iterable[float]) -> Scale:
    """The axis of a metric. An accuracy whose error varies more than threefold is spaced by the logarithm of its error."""
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return Scale(_same, [(0, "0"), (1, "1")], (0, 1))
    low, high = min(values), max(values)
    if column.endswith("accuracy") and 1 - low > 3 * max(1 - high, FLOOR):
        limits = _limits(_error(values))
        return Scale(_error, [(m, f"{m:g}") for m in _accuracy_ticks(low, high)], limits)
    if low > 0 and high > 8 * low:
        return Scale(_log10, _log_ticks(values), _limits(_log10(values)))
    return Scale(_same, _round_ticks(values), _limits(_same(values)))


def _same(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def _log10(values: ArrayLike) -> NDArray[np.float64]:
    return np.log10(np.maximum(_same(values), np.finfo(float).tiny))  # of a mean less its sd too, which may be negative


def _error(accuracy: ArrayLike) -> NDArray[np.float64]:
    """Coordinates that grow by one for each tenfold fall of the error."""
    return -np.log10(np.maximum(1 - _same(accuracy), FLOOR))


def _limits(coordinates: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(coordinates.min()), float(coordinates.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _round_ticks(values: list[float]) -> list[tuple[float, str]]:
    low, high = min(values), max(values)
    found = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if high > low else [low]
    room = 0.04 * (high - low)
    return [(float(t), f"{t:g}") for t in np.round(found, 12) if low - room <= t <= high + room]


def _accuracy_ticks(low: float, high: float) -> list[float]:
    """Round accuracies between ``low`` and ``high``."""
    for errors in (1,), (1, 2, 5), (1, 2, 3, 5, 7), range(1, 10):
        marks = [round(1 - e * 10.0**-d, 9) for d in range(1, 5) for e in sorted(errors, reverse=True)]
        marks = [mark for mark in [0.0, *marks] if low <= mark <= high]
        if len(marks) >= ENOUGH:
            break
    return marks


def _log_ticks(values: list[float]) -> list[tuple[float, str]]:
    low, high = math.log10(min(values)), math.log10(max(values))
    digits = (1,) if high - low >= 3 else (1, 3)
    found = [d * 10.0**e for e in range(math.floor(low), math.ceil(high) + 1) for d in digits]
    return [(t, f"{t:g}") for t in found if low - 0.02 <= math.log10(t) <= high + 0.02]


def _thinned(ticks: list[tuple[float, str]], most: int) -> list[tuple[float, str]]:
    """A regular subset of at most ``most`` ticks."""
    return ticks[:: math.ceil(len(ticks) / most)]
