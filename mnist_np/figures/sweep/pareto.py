"""The Pareto front of a sweep with several objectives: a panel for each two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mnist_np.figures.style import ACCENT, MUTED, headline, new_figure, rotate_labels, shorten, style
from mnist_np.figures.sweep.scales import metric_scale
from mnist_np.sweep.report import Configuration, SweepReport
from mnist_np.sweep.tables import shown
from mnist_np.training.metric_names import is_fraction

ACROSS = 3

LISTED_EACH = 0.39
"""Inches of a point of the front in the list."""

CLOSE = 0.2
"""Inches: the rank of a point so close to the next is not written."""


def pareto_front(report: SweepReport) -> Figure | None:
    """A dot for each configuration that has all objectives, grey where another is at least as good in all of them.

    The others are called by their ranks and listed with their values; a line joins them where there are two objectives. None
    if there are fewer than two objectives or two configurations to compare.
    """
    if len(report.front) < 2:
        return None
    names, means = list(report.objectives), np.array([means for _, means in report.compared])
    pairs, ranks = list(combinations(range(len(names)), 2)), ranks_on_front(report)
    rows, columns = math.ceil(len(pairs) / ACROSS), min(len(pairs), ACROSS)
    width, height = (5.2, 4.0) if len(pairs) == 1 else (3.4, 3.2)
    with style():
        figure = new_figure(3.4 + width * columns, 0.6 + height * rows)
        panels = figure.subplots(rows, columns, squeeze=False)
        for axes in panels.flat[len(pairs) :]:
            axes.set_visible(False)
        for axes, (y, x) in zip(panels.flat, pairs, strict=False):
            _panel(axes, report, [names[x], names[y]], means[:, (x, y)], ranks, len(pairs) == 1, CLOSE / width)
        listed = [f"{rank}  {_entry(*report.compared[i])}" for i, rank in ranks.items()]
        room = int((figure.get_figheight() - 0.6) / LISTED_EACH)
        if len(listed) > room:
            listed[room - 1 :] = [f"and {len(listed) - room + 1} more"]
        figure.legend(
            [Line2D([], [], ls="") for _ in listed],
            listed,
            title="on the front, by rank",
            loc="outside right upper",
            alignment="left",
            handlelength=0,
            handletextpad=0,
        )
        over = ", means over seeds" if any(c.n > 1 for c in report.configurations) else ""
        headline(figure, shorten(report.name, 60), f"Pareto front: {len(ranks)} of {len(report.front)} configurations{over}")
    return figure


def ranks_on_front(report: SweepReport) -> dict[int, int]:
    """The numbers of the points on the front among all, each with the rank of its configuration."""
    ranks = {c.group: rank for rank, c in enumerate(report.configurations, start=1)}
    return {i: ranks[c.group] for i, (c, _) in enumerate(report.compared) if report.front[c.group]}


def with_unit(metric: str, maximize: bool) -> str:
    """``time/total_s`` and below it ``(s, less is better)``."""
    unit = "s, " if metric.endswith("_s") else "fraction, " if is_fraction(metric) else ""
    return f"{metric}\n({unit}{'more' if maximize else 'less'} is better)"


def _entry(configuration: Configuration, means: Sequence[float]) -> str:
    """A configuration with its objectives below."""
    return f"{shorten(configuration.label, 32)}\n    {',  '.join(map(shown, means))}"


def _panel(
    axes: Axes, report: SweepReport, names: Sequence[str], means: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    ranks: dict[int, int], joined: bool, close: float,
) -> None:  # fmt: skip
    """Two objectives: x and y."""
    scales = [metric_scale(name, column) for name, column in zip(names, means.T, strict=True)]
    more = [report.objectives[name] for name in names]
    X, Y = (scale.forward(column) for scale, column in zip(scales, means.T, strict=True))
    front = sorted(ranks, key=lambda i: (X[i], Y[i]))
    dominated = [i for i in range(len(means)) if i not in ranks]
    axes.plot(X[dominated], Y[dominated], "o", color=MUTED, ms=5, mew=0, zorder=2)
    kind = ("steps-pre" if more[0] else "steps-post") if joined else "default"
    axes.plot(X[front], Y[front], "o", ls="-" if joined else "", drawstyle=kind, color=ACCENT, ms=6.5, lw=1.2, zorder=3)
    for scale, which in zip(scales, "xy", strict=True):
        scale.apply(axes, "x" if which == "x" else "y", margin=0.1)
    units = np.stack([scale.unit(column) for scale, column in zip(scales, means.T, strict=True)], axis=1)
    away = [i for i, j in pairwise([*front, None]) if i is not None and (j is None or np.abs(units[i] - units[j]).max() > close)]
    for i in away:
        axes.annotate(
            str(ranks[i]),
            (X[i], Y[i]),
            (5 if more[0] else -5, 4 if more[1] else -4),
            textcoords="offset points",
            color=ACCENT,
            fontweight="bold",
            ha="left" if more[0] else "right",
            va="bottom" if more[1] else "top",
            zorder=4,
        )
    axes.set(xlabel=with_unit(names[0], more[0]), ylabel=with_unit(names[1], more[1]))
    axes.grid()
    rotate_labels(axes, [label for _, label in scales[0].ticks], room=(4 if joined else 2.4) / max(len(scales[0].ticks), 1))
