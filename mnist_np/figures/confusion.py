"""The confusion matrix of the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_np.figures.layout import Page
from mnist_np.figures.style import COLOURS, DPI, INK, SECONDARY, shorten, style
from mnist_np.metrics import confusion_counts

if TYPE_CHECKING:
    from mnist_np.training.result import Result

RIGHT, WRONG = COLOURS[0], COLOURS[1]

NUMBERED = 30
"""The largest number of classes for which the cells show numbers."""


def confusion_matrix(result: Result) -> Figure:
    """True classes in the rows, predicted ones in the columns, numbers of test examples in the cells.

    A cell's colour is its fraction of the row: blue on the diagonal, orange elsewhere on a scale of its own, since on a common
    scale the mistakes of a good network would all be white.
    """
    said = np.argmax(result.test.logits, axis=1)
    counts = confusion_counts(result.data.test.labels, said, result.data.n_classes)
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num(counts / counts.sum(axis=1, keepdims=True))
    names = [shorten(name, 12) for name in result.data.class_names]
    n, longest = len(names), max(map(len, names))
    with style():
        pixel = round(min(max(0.55, 3 / n), 9 / n) * DPI)
        side, margin = n * pixel / DPI, 0.7 + 0.08 * longest
        page = Page(result, f"Confusion matrix of {counts.sum():,} test images", side + margin + 1.2, side + margin + 0.2)
        rgb = (255 * colours(shares)).astype(np.uint8)
        page.pixels(np.dstack([rgb, np.full_like(rgb[..., :1], 255)]), margin, margin, pixel)
        write_names(page, names, margin, side)
        if n <= NUMBERED:
            write_numbers(page, counts, shares, margin, side)
        return page.figure


def colours(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """RGB (classes, classes, 3) of the fractions ``shares``: white for 0, the full colour for the largest of its kind."""
    diagonal = np.eye(len(shares), dtype=bool)
    most = shares[~diagonal].max(initial=0) or 1
    strength = np.where(diagonal, 0.75 * shares, 0.8 * np.sqrt(shares / most))[..., None]
    full = np.where(diagonal[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    rgb: NDArray[np.float64] = 1 - strength * (1 - full)
    return rgb


def write_names(page: Page, names: list[str], margin: float, side: float) -> None:
    """The class names and the labels of both axes."""
    n, cell = len(names), side / len(names)
    size, level = 9 if n <= NUMBERED else 6, max(map(len, names)) <= 3
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        page.text(margin - 0.08, margin + side - middle, name, size, SECONDARY, ha="right", va="center")
        page.text(margin + middle, margin - 0.06, name, size, SECONDARY, rotation=0 if level else 90, ha="center", va="top")
    page.text(margin + side / 2, 0.2, "predicted class", 9.5, ha="center")
    page.text(0.3, margin + side / 2, "true class", 9.5, rotation=90, ha="center", va="center")


def write_numbers(page: Page, counts: NDArray[np.intp], shares: NDArray[np.float64], margin: float, side: float) -> None:
    """The numbers in the cells, without zeros, and the recall of each class at the right."""
    n, cell = len(counts), side / len(counts)
    size = min(9.5, 72 * cell / (0.65 * max(4, len(str(counts.max()))) + 0.5))
    for i, j in zip(*np.nonzero(counts), strict=True):
        colour = "white" if i == j and shares[i, j] > 0.5 else INK
        x, y = margin + (j + 0.5) * cell, margin + (n - i - 0.5) * cell
        page.text(x, y, str(counts[i, j]), size, colour, ha="center", va="center")
    for i, share in enumerate(np.diag(shares)):
        page.text(margin + side + 0.35, margin + (n - i - 0.5) * cell, f"{share:.1%}", 9, SECONDARY, ha="center", va="center")
    page.text(margin + side + 0.08, margin + side + 0.08, "recall", 9, SECONDARY)
