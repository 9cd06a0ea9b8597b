"""The confusion matrix of the test set: which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_np.figures.layout import SECONDARY, Page
from mnist_np.figures.scales import shorten
from mnist_np.figures.style import COLOURS, INK, bare, style

if TYPE_CHECKING:
    from mnist_np.experiment import Result

RIGHT, WRONG = COLOURS[0], COLOURS[1]

NUMBERED = 30
"""With more classes than this the numbers would not be legible, and are left out."""


def confusion_matrix(result: Result) -> Figure:
    """True classes in the rows, predicted ones in the columns, numbers of test examples in the cells.

    Colours are shares of a row, blue on the diagonal, orange for the mistakes on a scale of their own: on a common one
    the mistakes of a good network would all be white.
    """
    counts = count(result)
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num(counts / counts.sum(axis=1, keepdims=True))
    names = [shorten(name, 12) for name in result.data.class_names]
    with style():
        side = min(max(0.55 * len(names), 3.0), 9.0)
        margin = 0.75 + 0.07 * max(map(len, names))
        page = Page(result, f"Confusion matrix of {counts.sum():,} test images", side + margin + 1.5, side + margin + 0.2)
        axes = page.axes(margin, margin, side, side)
        axes.imshow(colours(shares), aspect="equal", interpolation="nearest")
        label(axes, names, shares)
        if len(names) <= NUMBERED:
            write_numbers(axes, counts, shares, side)
        return page.figure


def count(result: Result) -> NDArray[np.intp]:
    """Numbers (classes, classes) of test examples, true class in the rows, predicted class in the columns."""
    counts = np.zeros((result.data.n_classes,) * 2, np.intp)
    np.add.at(counts, (result.data.test.labels, np.argmax(result.test.logits, axis=1)), 1)
    return counts


def colours(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """RGB (classes, classes, 3) of the shares: white for none, full colour for the largest of its kind."""
    diagonal = np.eye(len(shares), dtype=bool)
    most = shares[~diagonal].max(initial=0) or 1
    strength = np.where(diagonal, 0.75 * shares, 0.8 * np.sqrt(shares / most))[..., None]
    full = np.where(diagonal[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    rgb: NDArray[np.float64] = 1 - strength * (1 - full)
    return rgb


def label(axes: Axes, names: list[str], shares: NDArray[np.float64]) -> None:
    """Names on both axes, and at the right how much of each class was recognised."""
    every = max(1, len(names) // 50)
    places = range(0, len(names), every)
    size = 9 if len(names) <= NUMBERED else 6
    turned = max(map(len, names)) > 3
    axes.set_xticks(places, [names[i] for i in places], rotation=90 if turned else 0, size=size)
    axes.set_yticks(places, [names[i] for i in places], size=size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    bare(axes)
    if len(names) <= NUMBERED:
        for i, share in enumerate(np.diag(shares)):
            axes.text(len(names) - 0.3, i, f"{share:.1%}", va="center", size=9, color=SECONDARY)
        axes.text(1.02, 1.02, "recognised", size=9, color=SECONDARY, transform=axes.transAxes)


def write_numbers(axes: Axes, counts: NDArray[np.intp], shares: NDArray[np.float64], side: float) -> None:
    """The numbers in the cells, as large as the cells allow; a zero is left out."""
    size = min(9.5, 72 * side / len(counts) / 2.2 / max(3, len(str(counts.max()))) * 1.7)
    for i, j in zip(*np.nonzero(counts), strict=True):
        dark = i == j and shares[i, j] > 0.5
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", size=size, color="white" if dark else INK)
