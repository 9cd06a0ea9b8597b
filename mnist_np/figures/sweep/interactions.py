"""Interaction of two params of a sweep: the metric over the one, a line for each value of the other."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from matplotlib.figure import Figure

from mnist_np.figures.style import COLOURS, headline, new_figure, rotate_labels, shorten, style
from mnist_np.figures.sweep.heatmap import effect, means_over
from mnist_np.figures.sweep.scales import metric_scale, param_scale
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.values import ABSENT, Param, readable

FEWEST = 3
"""Values of the param along the axis: fewer make no curve."""

MOST = len(COLOURS)
"""Values of the other one, a colour each."""

MARKERS = "osD^vP*X"


def interactions(report: SweepReport) -> Figure | None:
    """Over the numeric param with the largest effect, a line for each value of the other param with the largest effect.

    Lines are means over the finished runs, bands reach from the least to the greatest. None if there is no such pair.
    """
    pair = _pair(report)
    if pair is None:
        return None
    across, lines = pair
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for child in report.ranked:
        cell = child.overrides.get(lines.key, ABSENT), child.overrides.get(across.key, ABSENT)
        found[cell].append(report.value(child) or 0.0)
    curves = {value: [x for x in across.values if (value, x) in found] for value in lines.values}
    if max(map(len, curves.values())) < FEWEST:  # a random search
        return None
    scale, metric = param_scale(across), metric_scale(report.column, [v for values in found.values() for v in values])
    with style():
        figure = new_figure(7.6, 4.4)
        axes = figure.subplots()
        for (value, xs), colour, marker in zip(curves.items(), COLOURS, MARKERS, strict=False):
            if not xs:
                continue
            X = scale.forward([across.position(x) for x in xs])
            low, mean, high = (
                metric.forward([reduce(found[value, x]) for x in xs]) for reduce in (min, lambda v: float(np.mean(v)), max)
            )
            axes.fill_between(X, low, high, color=colour, alpha=0.15, lw=0)
            axes.plot(X, mean, color=colour, marker=marker, ms=5, lw=1.8, label=shorten(readable(value), 24))
        scale.apply(axes, "x", margin=0.05)
        metric.apply(axes, "y", margin=0.06)
        axes.set(xlabel=across.key, ylabel=report.column)
        axes.grid(axis="y")
        rotate_labels(axes, [label for _, label in scale.ticks], room=5 / max(len(scale.ticks), 1))
        figure.legend(title=shorten(lines.key, 24), loc="outside right upper", alignment="left")
        over = means_over(report, pair)
        headline(figure, shorten(report.name, 60), f"{over}, bands from the least to the greatest" if over else "")
    return figure


def _pair(report: SweepReport) -> tuple[Param, Param] | None:
    """The param along the axis and the one of the lines."""
    ordered = sorted(report.params, key=lambda param: -effect(report, param))
    across = next((param for param in ordered if param.scale != "category" and len(param.values) >= FEWEST), None)
    lines = next((param for param in ordered if param is not across and len(param.values) <= MOST), None)
    return (across, lines) if across and lines else None
