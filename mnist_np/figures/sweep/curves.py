"""Learning curves of a sweep: validation accuracy and loss of every configuration by epoch, the best one in front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mnist_np.figures.style import ACCENT, COLOURS, MUTED, headline, new_figure, shorten, style
from mnist_np.figures.sweep.scales import Scale, metric_scale
from mnist_np.sweep.children import Child
from mnist_np.sweep.report import Configuration, SweepReport
from mnist_np.sweep.tables import spread

NAMED = 8
"""The largest number of configurations with colours and labels of their own; of more, only the best has."""
BANDS = 4
"""The largest number of configurations with a band each; of more, only the best has, since bands hide each other."""
ENDS = {"diverged": "x", "failed": "x", "killed": "|", "pruned": "|"}
"""Markers at the end of the curve of a run that did not finish."""


@dataclass(frozen=True)
class CurveStyle:
    """The style of a configuration's curve."""

    colour: str
    width: float
    zorder: int
    weight: str
    alpha: float
    band: bool


def learning_curves(report: SweepReport) -> Figure | None:
    """Mean over the finished seeds, with a band from minimum to maximum; runs that did not finish are dotted.

    None if no run has a history.
    """
    return _curves(report, ("accuracy", "loss"), 11.5, 4.8)


def overview(report: SweepReport) -> Figure | None:
    """The accuracy of `learning_curves` alone, narrow enough to stand beside other things."""
    return _curves(report, ("accuracy",), 6.2, 4.0)


def _curves(report: SweepReport, names: Sequence[str], width: float, height: float) -> Figure | None:
    rows = [row for child in report.children for row in child.history]
    split = "val" if any("val/accuracy" in row for row in rows) else "train"
    if not rows:
        return None
    with style():
        figure = new_figure(width, height)
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            key = f"{split}/{name}"
            scale = metric_scale(key, [row[key] for row in rows if key in row])
            ends = [_draw(axes, scale, key, c, curve) for c, curve in _styles(report)]
            scale.apply(axes, "y")
            axes.set_title({"val": "validation ", "train": "training "}[split] + name)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            if max((row["epoch"] for row in rows), default=1) == 1:
                axes.set(xlim=(0.5, 1.5), xticks=[1])
            axes.grid(axis="y")
            if axes is panels[-1]:
                _label(axes, [end for end in ends if end])
        headline(figure, *_title(report, round(width * 8)))
    return figure


def _title(report: SweepReport, room: int) -> list[str]:
    """Two lines of about ``room`` characters."""
    best = report.configurations[0]
    first = f"{shorten(report.name, room - 22)}  ·  {report.overview()}"
    if not best.metric:
        return [first]
    return [first, f"best: {shorten(best.label, room - 32)}  ({report.column} {spread(best.metric)}, n = {best.metric.n})"]


def _styles(report: SweepReport) -> list[tuple[Configuration, CurveStyle]]:
    """The configurations with their styles, worst first, so that the best is drawn over the others."""
    n = len(report.configurations)
    styles = []
    for i, c in enumerate(report.configurations):
        best = i == 0 and c.metric is not None
        if n <= NAMED:
            weight, band = "bold" if best else "normal", best or n <= BANDS
            curve = CurveStyle(COLOURS[i], 2.6 if best else 1.4, 4 if best else 3, weight, 1.0, band)
        else:
            curve = CurveStyle(
                ACCENT if best else MUTED, 2.6 if best else 1.0, 4 if best else 2, "bold", 1.0 if best else 0.75, best
            )
        styles.append((c, curve))
    return styles[::-1]


def _draw(axes: Axes, scale: Scale, key: str, c: Configuration, curve: CurveStyle) -> tuple[float, float, str, CurveStyle] | None:
    """Draw one configuration's curve. Returns its end, label and style if it has a label."""
    finished = [_series(child, key) for child in c.children if child.status == "finished"]
    end = None
    if any(finished):
        common = sorted(set.intersection(*(set(series) for series in finished if series)))
        values = np.array([[series[epoch] for epoch in common] for series in finished if series])
        low, mean, high = (scale.forward(over(values, axis=0)) for over in (np.min, np.mean, np.max))
        marker = "o" if len(common) == 1 else ""
        axes.plot(common, mean, color=curve.colour, lw=curve.width, zorder=curve.zorder, alpha=curve.alpha, marker=marker)
        if len(values) > 1 and curve.band:
            axes.fill_between(common, low, high, color=curve.colour, alpha=0.18, lw=0, zorder=curve.zorder - 1)
        end = (common[-1], float(mean[-1]))
    for child in c.children:
        series = _series(child, key)
        if child.status == "finished" or not series:
            continue
        Y = scale.forward(list(series.values()))
        axes.plot(list(series), Y, color=curve.colour, lw=1, ls=":", zorder=curve.zorder, alpha=curve.alpha)
        axes.plot(
            max(series), Y[-1], ENDS.get(child.status, "."), color=curve.colour, ms=5, zorder=curve.zorder, alpha=curve.alpha
        )
        end = end or (max(series), float(Y[-1]))
    if end is None or curve.colour == MUTED:
        return None
    return *end, _name(c), curve


def _name(c: Configuration) -> str:
    trouble = [f"{n} {status}" for status, n in c.counts.items() if status != "finished"]
    return shorten(c.label, 30) + (f" ({', '.join(trouble)})" if trouble else "")


def _series(child: Child, key: str) -> dict[int, float]:
    """A run's finite values of ``key`` by epoch."""
    return {int(row["epoch"]): row[key] for row in child.history if key in row and math.isfinite(row[key])}


def _label(axes: Axes, ends: list[tuple[float, float, str, CurveStyle]]) -> None:
    """Write the labels beside the axes, each near its curve's end, without overlap, joined by a thin line."""
    to_unit = axes.transScale + axes.transLimits
    places = sorted(((to_unit.transform((x, y))[1], x, y, name, curve) for x, y, name, curve in ends), key=lambda place: place[0])
    heights = spread_out([place[0] for place in places], gap=0.062)
    for height, (_, x, y, name, curve) in zip(heights, places, strict=True):
        axes.annotate(
            name,
            (x, y),
            (1.07, height),
            textcoords="axes fraction",
            color=curve.colour,
            fontweight=curve.weight,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": curve.colour,
                "lw": 0.7,
                "alpha": 0.6,
                "shrinkA": 2,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def spread_out(wanted: list[float], gap: float) -> list[float]:
    """Heights near the ascending ``wanted`` ones and at least ``gap`` apart, with the same mean where they fit into [0, 1]."""
    placed: list[float] = []
    for height in wanted:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    shift = float(np.mean(wanted) - np.mean(placed)) if placed else 0.0
    low = placed[0] + shift if placed else 0.0
    high = placed[-1] + shift if placed else 0.0
    shift += max(0.0, -low) - max(0.0, high - 1.0) if high - low <= 1 else 0.0
    return [height + shift for height in placed]
