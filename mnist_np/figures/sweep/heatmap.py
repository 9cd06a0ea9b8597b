"""Heat map of a sweep: the mean of the metric for each pair of values of two params."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_np.figures.style import INK, SEQUENTIAL, headline, new_figure, remove_frame, rotate_labels, shorten, style
from mnist_np.figures.sweep.scales import metric_scale
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import shown
from mnist_np.sweep.values import Param, readable

MOST = 20
"""The largest number of values of a param in the map."""


def heat_map(report: SweepReport) -> Figure | None:
    """Over the two params with the largest effect on the metric.

    A cell shows the mean over its finished runs, and how many did not finish. None if fewer than two params with at most `MOST`
    values vary, or if most cells are empty (a random search).
    """
    pair = _pair(report)
    if pair is None:
        return None
    across, down = pair
    values, missing = _cells(report, across, down)
    finite = values[np.isfinite(values)]
    if len(finite) < max(2, 0.5 * values.size):
        return None
    scale = metric_scale(report.column, finite)
    best = np.nanargmax(report.sign * np.where(np.isfinite(values), values, np.nan))
    with style():
        figure = new_figure(2.6 + max(0.95 * len(across.values), 2.2), 1.7 + 0.52 * len(down.values))
        axes = figure.subplots()
        colours = colormaps[SEQUENTIAL if report.maximize else f"{SEQUENTIAL}_r"]
        shades = scale.unit(values)
        axes.imshow(np.ma.masked_invalid(shades), cmap=colours, vmin=0, vmax=1, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            light = np.isfinite(value) and np.dot(colours(float(shades[i, j]))[:3], (0.3, 0.59, 0.11)) < 0.5
            axes.text(
                j,
                i,
                _cell(float(value), missing[i][j]),
                ha="center",
                va="center",
                color="white" if light else INK,
                fontweight="bold" if i * values.shape[1] + j == best else "normal",
            )
        labels = [shorten(readable(value), 16) for value in across.values]
        axes.set_xticks(range(len(across.values)), labels)
        axes.set_yticks(range(len(down.values)), [shorten(readable(value)) for value in down.values])
        rotate_labels(axes, labels, room=0.95)
        if down.scale != "category":
            axes.invert_yaxis()
        axes.set(xlabel=across.key, ylabel=down.key)
        remove_frame(axes)
        axes.set_title(f"{report.column}, {means_over(report, pair)}".rstrip(", "))
        headline(figure, shorten(report.name, 60))
    return figure


def means_over(report: SweepReport, pair: tuple[Param, Param]) -> str:
    """What the numbers in the cells are means over, if anything."""
    seeds = ["seeds"] if any("seed" in child.overrides for child in report.children) else []
    others = seeds + [shorten(param.key, 30) for param in report.params if param not in pair]
    return f"mean over {', '.join(others)}" if others else ""


def _cell(value: float, missing: str) -> str:
    return f"{shown(value) if np.isfinite(value) else ''}\n{missing}".strip()


def _pair(report: SweepReport) -> tuple[Param, Param] | None:
    """The two params to show, the one with more values first (horizontal)."""
    few = [param for param in report.params if len(param.values) <= MOST]
    if len(few) < 2:
        return None
    first, second = sorted(few, key=lambda param: -effect(report, param))[:2]
    return (first, second) if len(first.values) >= len(second.values) else (second, first)


def effect(report: SweepReport, param: Param) -> float:
    """The range of the marginal means of a param's values."""
    by_value = defaultdict(list)
    for child in report.ranked:
        by_value[child.overrides.get(param.key)].append(report.value(child) or 0.0)
    means = [float(np.mean(found)) for found in by_value.values()]
    return max(means) - min(means) if means else 0.0


def _cells(report: SweepReport, across: Param, down: Param) -> tuple[NDArray[np.float64], list[list[str]]]:
    """Mean metric by (row, column), NaN where no run finished; and the statuses of the other runs there, as text."""
    found: dict[tuple[int, int], list[float]] = defaultdict(list)
    lost: dict[tuple[int, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for c in report.configurations:
        cell = down.values.index(c.values[down.key]), across.values.index(c.values[across.key])
        for child in c.children:
            value = report.value(child)
            if value is not None:
                found[cell].append(value)
            else:
                lost[cell][child.status] += 1
    shape = len(down.values), len(across.values)
    values = np.full(shape, np.nan)
    missing = [["" for _ in range(shape[1])] for _ in range(shape[0])]
    for (i, j), metrics in found.items():
        values[i, j] = np.mean(metrics)
    for (i, j), counts in lost.items():
        missing[i][j] = ", ".join(f"{n} {status}" for status, n in counts.items())
    return values, missing
