"""Parallel coordinates of a sweep: an axis for each param that varies and one for the metric, a line for each configuration."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from mnist_np.figures.style import INK, MUTED, SEQUENTIAL, headline, new_figure, shorten, style
from mnist_np.figures.sweep.scales import Scale, metric_scale, param_scale
from mnist_np.sweep.report import Configuration, SweepReport
from mnist_np.sweep.values import Param

FAN = 0.05
"""Fraction of an axis over which the lines through one value are spread, best on top."""


def parallel_coordinates(report: SweepReport) -> Figure | None:
    """Lines coloured by the metric, the best one in front. None if nothing varies or no run is finished."""
    params, valued = report.params, [c for c in report.configurations if c.metric]
    if not params or not valued:
        return None
    scales = [param_scale(param) for param in params]
    metric = metric_scale(report.column, [c.metric.mean for c in valued if c.metric])
    worst_to_best = report.configurations[::-1]
    over = "mean over seeds" if any(c.metric and c.metric.n > 1 for c in valued) else ""
    with style():
        figure = new_figure(min(2.6 + 1.9 * len(params), 16), 4.9)
        axes = figure.subplots()
        heights = np.stack([_heights(worst_to_best, param, scale) for param, scale in zip(params, scales, strict=True)], axis=1)
        for i, c in enumerate(worst_to_best):
            value = float(metric.unit(c.metric.mean)) if c.metric else None
            _line(axes, heights[i], value, report, front=c is report.configurations[0])
        for x, (param, scale) in enumerate(zip(params, scales, strict=True)):
            _axis(axes, x, shorten(param.key, 24), scale)
        _axis(axes, len(params), f"{report.column}\n{over}".strip(), metric, bold=True)
        axes.set(xlim=(-0.15, len(params) + 0.35), ylim=(-0.08, 1.06))
        axes.axis("off")
        headline(figure, shorten(report.name, 60), report.overview())
    return figure


def _heights(configurations: list[Configuration], param: Param, scale: Scale) -> NDArray[np.float64]:
    """Where each configuration's line crosses a param's axis: at its value, those of one value spread by rank."""
    exact = scale.unit([param.position(c.values[param.key]) for c in configurations])
    fanned = exact.copy()
    for height in np.unique(exact):
        same = np.flatnonzero(exact == height)
        fanned[same] += np.linspace(-FAN / 2, FAN / 2, len(same)) if len(same) > 1 else 0.0
    return fanned


def _line(axes: Axes, heights: NDArray[np.float64], value: float | None, report: SweepReport, front: bool) -> None:
    """A smooth line through all axes; without a finished run it is grey, dashed, and ends at the last param."""
    points = [*heights, *([] if value is None else [value])]
    low_is_best = not report.maximize
    colour = MUTED if value is None else colormaps[SEQUENTIAL](1 - value if low_is_best else value)
    vertices, codes = [(0.0, float(points[0]))], [Path.MOVETO]
    for x, (y0, y1) in enumerate(pairwise(points)):
        vertices += [(x + 0.4, float(y0)), (x + 0.6, float(y1)), (x + 1.0, float(y1))]
        codes += [Path.CURVE4] * 3
    look = {"lw": 3.2 if front else 1.4, "ls": "--" if value is None else "-", "alpha": 1.0 if front else 0.8}
    axes.add_patch(PathPatch(Path(vertices, codes), facecolor="none", edgecolor=colour, zorder=4 if front else 2, **look))


def _axis(axes: Axes, x: int, name: str, scale: Scale, bold: bool = False) -> None:
    """A vertical axis at ``x`` with its name above and its tick labels on a light background."""
    axes.plot([x, x], [-FAN / 2, 1 + FAN / 2], color=INK, lw=1.4 if bold else 1, zorder=5)
    axes.text(x, 1.09, name, ha="center", va="bottom", fontweight="bold", zorder=6)
    ground = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "boxstyle": "round,pad=0.15"}
    for value, label in scale.ticks:
        y = float(scale.unit(value))
        axes.plot([x - 0.012, x + 0.012], [y, y], color=INK, lw=1, zorder=5)
        axes.text(x + 0.03, y, label, va="center", fontsize=8.5, bbox=ground, zorder=6)
