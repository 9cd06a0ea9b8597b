"""Learning curves: loss and accuracy of the training and the validation set over the epochs, with the kept epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from mnist_np.figures.layout import Page
from mnist_np.figures.style import COLOURS, SECONDARY, style
from mnist_np.registry import name_of

if TYPE_CHECKING:
    from mnist_np.training.result import Result

SPLITS = {"train": ("training", COLOURS[0], "--"), "val": ("validation", COLOURS[1], "-")}
"""Split -> its label, colour and line style, distinct in greyscale too."""

BOTTOM, WIDTH, HEIGHT = 0.5, 2.4, 2.3
"""Inches of the axes."""

LEFT = {"loss": 0.6, "accuracy": 3.75}
"""Inches to the left of them. The page is narrow, for MLflow shows it beside other things."""

DECADE = 10.0
"""A loss that decreases by more than this factor has a logarithmic axis."""


def learning_curves(result: Result) -> Figure:
    """Loss on the left, accuracy on the right."""
    with style():
        page = Page(result, "Learning curves", 6.3, 3.1)
        if not result.history:
            return page.message("No epoch was completed.")
        loss, accuracy = (page.axes(left, BOTTOM, WIDTH, HEIGHT) for left in LEFT.values())
        draw(loss, result, "loss")
        draw(accuracy, result, "accuracy")
        scale_loss(loss, result)
        accuracy.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        loss_name = name_of(result.experiment.loss).replace("_", " ")
        for key, title in {"loss": f"Loss ({loss_name})", "accuracy": "Accuracy"}.items():
            left = LEFT[key]
            page.text(left, BOTTOM + HEIGHT + 0.1, title, 10.5, weight="bold")
            page.text(left + WIDTH, BOTTOM + HEIGHT + 0.1, best_value(result, key), 9.5, SECONDARY, ha="right")
            page.text(left + WIDTH / 2, 0.12, "epoch", 9.5, ha="center")
        draw_legend(page, result)
        return page.figure


def draw(axes: Axes, result: Result, key: str) -> None:
    """The curves of both splits for one metric, and the epoch whose weights are kept."""
    epochs = [row["epoch"] for row in result.history]
    few = len(epochs) <= 30
    for split, (label, colour, line) in SPLITS.items():
        values = [row.get(f"{split}/{key}", math.nan) for row in result.history]
        if any(map(math.isfinite, values)):
            axes.plot(epochs, values, line, color=colour, label=label, lw=1.8, marker="o" if few else None, ms=4)
    value = result.best.get(f"val/{key}", math.nan)
    if result.best_epoch:
        axes.axvline(result.best_epoch, color=SECONDARY, lw=1, ls=":")
    if math.isfinite(value):
        axes.plot([result.best_epoch], [value], "D", ms=7, mfc="none", mec=COLOURS[1], mew=1.8)
    axes.set_xlim(min(epochs) - 0.5 if few else min(epochs), max(epochs) + 0.5 if few else max(epochs))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    axes.grid(True)


def best_value(result: Result, key: str) -> str:
    """``97.46%``: the validation metric at the epoch whose weights are kept."""
    value = result.best.get(f"val/{key}")
    if value is None:
        return ""
    return f"{value:.2%}" if key == "accuracy" else f"{value:.4g}"


def draw_legend(page: Page, result: Result) -> None:
    """The legend, at the right of the title."""
    x, y = 2.25, page.height - 0.28
    for label, colour, line in SPLITS.values():
        page.line(x, y, x + 0.35, colour, line, 1.8)
        page.text(x + 0.42, y, label, 9.5, va="center")
        x += 0.62 + 0.075 * len(label)
    if result.best_epoch:
        page.line(x, y, x + 0.35, SECONDARY, ":", 1)
        page.text(x + 0.42, y, "weights kept", 9.5, va="center")


def scale_loss(axes: Axes, result: Result) -> None:
    """A logarithmic axis if the loss decreases by more than `DECADE`, else a linear one from 0; one with room for all where a
    penalty makes the loss negative."""
    losses = [row[key] for row in result.history for key in ("train/loss", "val/loss") if key in row]
    losses = [loss for loss in losses if math.isfinite(loss)]
    if min(losses, default=0.0) < 0:
        return
    losses = [loss for loss in losses if loss > 0]
    fall = max(losses) / min(losses) if losses else 1.0
    if fall > DECADE:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if fall < 1000 else (1,)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
