"""The first layer's weights as images: what each of its units looks for in the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from mnist_np.figures.layout import DPI, MARGIN, SECONDARY, Grid, Page
from mnist_np.figures.style import shorten, style

if TYPE_CHECKING:
    from mnist_np.training.result import Result

MOST = 96
"""Units shown; of more, those with the largest weights."""

COLUMNS = 12
COLOURS = "RdBu_r"


def first_layer(result: Result) -> Figure:
    """Each unit's weights on its pixels: red for what speaks for the unit, blue for what speaks against it.

    In a linear model the units are the classes themselves, and are named.
    """
    W = np.nan_to_num(result.network.arrays()["W1"])
    linear = not result.experiment.model.hidden
    norms = np.linalg.norm(W, axis=0)
    shown = np.arange(W.shape[1]) if linear else np.argsort(-norms, kind="stable")
    shown = shown[:MOST]
    pictures = W.T[shown].reshape(-1, *result.data.image_shape)
    limit = float(np.percentile(np.abs(pictures), 99.5)) or 1.0
    what = "classes" if linear else "units"
    which = (
        f"all {W.shape[1]} {what}"
        if len(shown) == W.shape[1]
        else f"the {len(shown)} of {W.shape[1]:,} {what} with the largest weights"
    )
    with style():
        columns, side, caption = (5, 1.53, 0.2) if linear else (min(COLUMNS, len(shown)), 0.76, 0.0)
        grid = Grid(len(shown), result.data.image_shape, columns, side, 0.08, caption)
        page = Page(result, f"What the first layer looks for: {which}", grid.width + 2 * MARGIN, grid.height + 0.75)
        places = grid.draw(page, pictures, COLOURS, -limit, limit)
        if linear:
            for place, i in zip(places, shown, strict=True):
                page.caption(place, shorten(result.data.class_names[i], 14), color=SECONDARY)
        explain_colours(page, limit)
        return page.figure


def explain_colours(page: Page, limit: float) -> None:
    """The colours from -limit to limit at the foot of the page."""
    steps = np.linspace(-limit, limit, 80)
    page.image(np.repeat(steps[None], 5, axis=0), MARGIN + 0.6, 0.25, 4, COLOURS, -limit, limit)
    page.text(MARGIN + 0.5, 0.28, f"{-limit:.2g}", size=9, color=SECONDARY, anchor="rs")
    right = MARGIN + 0.6 + len(steps) * 4 / DPI + 0.1
    page.text(right, 0.28, f"{limit:.2g}   red: for the unit, blue: against it", size=9, color=SECONDARY)
