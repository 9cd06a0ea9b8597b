"""Test images with their predicted classes: the first ones, and the most confident mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_np.figures.layout import MARGIN, Grid, Page
from mnist_np.figures.style import ACCENT, SECONDARY, shorten, style

if TYPE_CHECKING:
    from mnist_np.training.result import Result

GRID = (6, 10)
"""Rows and columns of `predictions`."""
MISTAKES = (4, 8)
"""Rows and columns of `confident_mistakes`."""

LINE = 0.18
"""Inches of a line of a caption."""
LONGEST = 13
"""Characters of a class name that fit under an image."""


def predictions(result: Result) -> Figure:
    """The first images of the test split. Correct predictions are grey, wrong ones coloured and framed."""
    rows, columns = GRID
    shown = np.arange(min(rows * columns, len(result.data.test)))
    true, said = result.data.test.labels[shown], np.argmax(result.test.logits[shown], axis=1)
    right = np.count_nonzero(said == true)
    with style():
        grid = Grid(len(shown), result.data.image_shape, columns, side=0.76, gap=0.2, caption=LINE * lines(result))
        title = f"Predictions for the first {len(shown)} test images: {right} correct, {len(shown) - right} wrong"
        page = Page(result, title, grid.width + 2 * MARGIN, grid.height + 0.1, "mistakes: true → predicted")
        places = grid.draw(page, images(result, shown), "gray_r", 0, 1)
        for place, t, s in zip(places, true, said, strict=True):
            if s == t:
                page.caption(place, name(result, s), color=SECONDARY)
            else:
                page.caption(place, mistake(result, t, s), color=ACCENT, weight="bold")
                page.frame(place, ACCENT)
        return page.figure


def confident_mistakes(result: Result) -> Figure:
    """The misclassified test images, in decreasing order of the predicted class's probability."""
    rows, columns = MISTAKES
    true, said = result.data.test.labels, np.argmax(result.test.logits, axis=1)
    P = np.nan_to_num(result.predictions.P)
    wrong = np.flatnonzero(said != true)
    shown = wrong[np.argsort(-P[wrong, said[wrong]], kind="stable")][: rows * columns]
    with style():
        grid = Grid(len(shown), result.data.image_shape, columns, side=0.76, gap=0.4, caption=LINE * (lines(result) + 1))
        title = f"The most confident of {len(wrong):,} mistakes among {len(true):,} test images"
        legend = "true → predicted, with its probability"
        page = Page(result, title, grid.width + 2 * MARGIN, max(grid.height, 0.4) + 0.1, legend)
        if not len(shown):
            return page.message("Every test image is classified correctly.")
        places = grid.draw(page, images(result, shown), "gray_r", 0, 1)
        for place, i in zip(places, shown, strict=True):
            page.caption(place, f"{mistake(result, true[i], said[i])}\n{P[i, said[i]]:.2%}")
        return page.figure


def images(result: Result, shown: NDArray[np.intp]) -> NDArray[np.floating]:
    """Test images (n, h, w), each scaled to [0, 1] whatever the preprocessing."""
    X = np.nan_to_num(result.data.test[shown].X)
    low, high = X.min(axis=1, keepdims=True), X.max(axis=1, keepdims=True)
    stretched: NDArray[np.floating] = (X - low) / np.where(high > low, high - low, 1)
    return stretched.reshape(-1, *result.data.image_shape)


def name(result: Result, label: int) -> str:
    """A class name, shortened to fit under an image."""
    return shorten(result.data.class_names[label], LONGEST)


def lines(result: Result) -> int:
    """The number of lines of `mistake`: two if one would be too long."""
    return 1 if max(map(len, result.data.class_names)) <= LONGEST // 3 else 2


def mistake(result: Result, true: int, said: int) -> str:
    """``8 → 7``, in two lines if the names are long."""
    return f"{name(result, true)}{' ' if lines(result) == 1 else chr(10)}→ {name(result, said)}"
