"""The weights of the first layer as images, one for each unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from mnist_np.figures.layout import MARGIN, Grid, Page
from mnist_np.figures.style import DPI, SECONDARY, shorten, style
from mnist_np.nn.layers import Activate

if TYPE_CHECKING:
    from mnist_np.training.result import Result

MOST = 96
"""The largest number of units shown: those with the largest weights."""

COLUMNS = 12
COLOURS = "RdBu_r"


def first_layer(result: Result) -> Figure:
    """Each unit's weights at the places of their pixels, red if positive and blue if negative.

    In a linear model the units are the classes, and have their names. The pieces of a maxout unit stand side by side.
    """
    W = np.nan_to_num(result.network.arrays()["W1"])
    linear = not result.experiment.model.hidden
    pieces = next((layer.activation.pieces for layer in result.network.layers if isinstance(layer, Activate)), 1)
    n = W.shape[1] // pieces
    norms = np.linalg.norm(W.reshape(-1, n), axis=0)
    units = np.arange(n) if linear else np.argsort(-norms, kind="stable")
    shown = (units[: max(1, MOST // pieces), None] + n * np.arange(pieces)).ravel()[:MOST]
    pictures = W.T[shown].reshape(-1, *result.data.image_shape)
    limit = float(np.percentile(np.abs(pictures), 99.5)) or 1.0
    what = "classes" if linear else "units" if pieces == 1 else "pieces"
    which = (
        f"all {W.shape[1]} {what}"
        if len(shown) == W.shape[1]
        else f"the {len(shown)} of {W.shape[1]:,} {what} with the largest weights"
    )
    with style():
        across = pieces * (COLUMNS // pieces) or COLUMNS
        columns, side, caption = (5, 1.53, 0.2) if linear else (min(across, len(shown)), 0.76, 0.0)
        grid = Grid(len(shown), result.data.image_shape, columns, side, 0.08, caption)
        page = Page(result, f"Weights of the first layer: {which}", grid.width + 2 * MARGIN, grid.height + 0.75)
        places = grid.draw(page, pictures, COLOURS, -limit, limit)
        if linear:
            for place, i in zip(places, shown, strict=True):
                page.caption(place, shorten(result.data.class_names[i], 14), color=SECONDARY)
        draw_colour_bar(page, limit)
        return page.figure


def draw_colour_bar(page: Page, limit: float) -> None:
    """The colours from -limit to limit at the bottom of the page."""
    steps = np.linspace(-limit, limit, 80)
    page.image(np.repeat(steps[None], 5, axis=0), MARGIN + 0.6, 0.25, 4, COLOURS, -limit, limit)
    page.text(MARGIN + 0.5, 0.28, f"{-limit:.2g}", size=9, color=SECONDARY, ha="right")
    right = MARGIN + 0.6 + len(steps) * 4 / DPI + 0.1
    page.text(right, 0.28, f"{limit:.2g}", size=9, color=SECONDARY)
