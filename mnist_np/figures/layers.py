"""The diagnostics of the layers: histograms of activations, gradients and weights, and three statistics by step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from mnist_np.figures.layout import Page
from mnist_np.figures.style import COLOURS, MUTED, style

if TYPE_CHECKING:
    from mnist_np.training.diagnostics_record import DiagnosticsRecord, Histogram
    from mnist_np.training.result import Result

COLUMNS = {"activations": "activations", "gradients": "gradients by Z, per example", "weights": "weights"}
AGES = ((MUTED, 2.2), (COLOURS[5], 1.4), (COLOURS[0], 1.4))
"""Colour and line width of the first, the middle and the last snapshot."""

MOST = 8
"""The largest number of layers drawn: of more, the first and the last ones."""

LEFT, WIDTH, GAP, HEIGHT = 0.95, 2.95, 0.45, 1.0


def layers(result: Result) -> Figure:
    """A row of histograms for each layer; below, norms of gradients and updates and the dead units by step."""
    seen = result.diagnostics
    assert seen is not None
    with style():
        n = len(next(iter(seen.looks.values())))
        shown = [*range(n)] if n <= MOST else [*range(MOST // 2), *range(n - MOST // 2, n)]
        below = 2.9
        page = Page(result, "Layers", LEFT + 3 * (WIDTH + GAP), below + len(shown) * (HEIGHT + 0.42) + 0.35)
        for row, i in enumerate(shown):
            bottom = page.top - 0.35 - (row + 1) * (HEIGHT + 0.42) + 0.42
            page.text(0.2, bottom + HEIGHT / 2, f"layer {i + 1}" + ("\n(output)" if i == n - 1 else ""), size=9.5, va="center")
            for column, (kind, title) in enumerate(COLUMNS.items()):
                axes = page.axes(LEFT + column * (WIDTH + GAP), bottom, WIDTH, HEIGHT)
                histograms(axes, {step: getattr(look[i], kind) for step, look in seen.pictures.items()})
                if row == 0:
                    axes.set_title(title)
                    handles = axes.get_legend_handles_labels()
        page.figure.legend(*handles, loc="upper right", ncols=3, borderaxespad=1)
        draw_statistics(page, seen, shown, below)
        return page.figure


def histograms(axes: Axes, looks: dict[int, Histogram]) -> None:
    """The histograms of several snapshots in one plot, with a logarithmic density, since a few values are often very frequent."""
    for (step, look), (colour, width) in zip(looks.items(), AGES if len(looks) == 3 else AGES[::2], strict=False):
        name = "before the first step" if step == 0 else f"after {step:,} steps"
        density = look.counts / max(look.counts.sum(), 1) / np.diff(look.edges)
        axes.stairs(density, look.edges, color=colour, lw=width, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="x", labelsize=8)


def draw_statistics(page: Page, seen: DiagnosticsRecord, shown: list[int], top: float) -> None:
    """Three statistics of each layer by step."""
    panels = {"gradient_norm": "norm of dW", "update_ratio": "update / weights, norms", "dead": "dead units"}
    for column, (name, title) in enumerate(panels.items()):
        axes = page.axes(LEFT + column * (WIDTH + GAP), 0.55, WIDTH, top - 1.2)
        axes.set_title(title)
        for i in shown:
            steps = [step for step, look in seen.looks.items() if name in look[i]]
            values = [seen.looks[step][i][name] for step in steps]
            if name != "dead":  # on a logarithmic scale; there is no update before the first snapshot
                values = [value if value > 0 else math.nan for value in values]
            colour = COLOURS[shown.index(i) % len(COLOURS)]
            axes.plot(steps, values, color=colour, lw=1.4, marker="o" if len(steps) <= 12 else None, ms=3, label=f"layer {i + 1}")
        axes.set_xlabel("step")
        axes.set_xlim(min(seen.looks), max(seen.looks) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(True)
        if name == "dead":
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
            axes.set_ylim(-0.02 * max(axes.get_ylim()[1], 0.02), max(axes.get_ylim()[1], 0.02))
        else:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_locator(NullLocator())
            axes.tick_params(axis="y", labelsize=8)
        if column == 0:
            axes.legend(*axes.get_legend_handles_labels(), fontsize=8, ncols=2, loc="best")
