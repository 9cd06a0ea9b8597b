"""Main effects of a sweep: the metric of all runs by the value of each varied param, with means and standard deviations."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mnist_np.figures.style import ACCENT, COLOURS, headline, new_figure, rotate_labels, shorten, style
from mnist_np.figures.sweep.scales import Scale, metric_scale, param_scale
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.values import ABSENT, Param, going_together

MANY = 12
"""Params with more distinct numbers than this, of hardly more than a run each, are averaged in bins."""
BINS = 6
ACROSS = 3
DOT = "#8B939C"

SPREAD_BEYOND = 0.26
"""Parts of the values' range by which a mean less a standard deviation may lie below the least of few values."""


def main_effects(report: SweepReport) -> Figure | None:
    """A panel for each param: a dot for each finished run, and the mean and standard deviation of each value.

    Runs that diverged or failed are crosses at the bottom. None if nothing varies or no run is finished.
    """
    params = report.params
    if not params or not report.ranked:
        return None
    values = {id(child): value for child in report.ranked if (value := report.value(child)) is not None}
    metric = metric_scale(report.column, values.values())
    rows, columns = math.ceil(len(params) / ACROSS), min(len(params), ACROSS)
    with style():
        figure = new_figure(1.2 + 3.7 * columns, 0.7 + 3.1 * rows)
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for axes in grid.flat[len(params) :]:
            axes.set_visible(False)
        for axes, param in zip(grid.flat, params, strict=False):
            _panel(axes, report, param, metric)
        for axes in grid[:, 0]:
            axes.set_ylabel(report.column)
        together = going_together(child.configuration for child in report.children)
        lines = ["mean ± sd over all finished runs with that value"]
        lines += [f"{shorten(' and '.join(together), 60)} vary together: their effects cannot be told apart"] if together else []
        headline(figure, f"{shorten(report.name, 60)}: main effects", *lines)
    return figure


def _panel(axes: Axes, report: SweepReport, param: Param, metric: Scale) -> None:
    scale = param_scale(param)
    rng = np.random.default_rng(0)  # of the dots' horizontal jitter alone
    children = [(child, report.value(child)) for child in report.children]
    finished = [(child.overrides.get(param.key, ABSENT), value) for child, value in children if value is not None]
    lost = [child.overrides.get(param.key, ABSENT) for child in report.children if child.status in ("diverged", "failed")]
    X = scale.forward([param.position(value) for value, _ in finished])
    Y = np.array([value for _, value in finished])
    jitter = 0.018 * (scale.limits[1] - scale.limits[0]) * rng.uniform(-1, 1, len(X))
    axes.plot(X + jitter, metric.forward(Y), "o", color=DOT, ms=3.5, alpha=0.6, mew=0, zorder=2)
    places = _groups(X, param)
    means = np.array([Y[group].mean() for group in places])
    sds = np.array([Y[group].std(ddof=1) if len(group) > 1 else 0.0 for group in places])
    low, middle, high = (metric.forward(values) for values in (means - sds, means, means + sds))
    joined, at = "-" if param.scale != "category" else "", [X[group].mean() for group in places]
    bars = np.array([middle - low, high - middle])
    axes.errorbar(at, middle, bars, fmt=f"o{joined}", color=COLOURS[0], ms=6, lw=1.6, capsize=3, zorder=3)
    if lost:
        crosses = scale.forward([param.position(value) for value in lost])
        axes.plot(crosses, np.full(len(crosses), 0.03), "x", color=ACCENT, ms=6, transform=axes.get_xaxis_transform(), zorder=4)
        axes.text(0.99, 0.98, f"{len(lost)} diverged or failed", color=ACCENT, ha="right", va="top", transform=axes.transAxes)
    scale.apply(axes, "x", margin=0.5 / (len(param.values) - 1) if param.scale == "category" else 0.12)
    metric.apply(axes, "y", margin=SPREAD_BEYOND)
    axes.set_title(shorten(param.key, 34))
    axes.grid(axis="y")
    rotate_labels(axes, [label for _, label in scale.ticks], room=3 / max(len(scale.ticks), 1))


def _groups(X: np.ndarray[tuple[int], np.dtype[np.float64]], param: Param) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Indices of the runs that are averaged together: those of one value, or of one bin if there are many values of few runs."""
    if len(param.values) > MANY and len(X) < 2 * len(param.values) and param.scale != "category":
        return [group for group in np.array_split(np.argsort(X, kind="stable"), BINS) if len(group)]
    return [np.flatnonzero(x == X) for x in np.unique(X)]
