"""The reliability diagram: the accuracy of predictions as a function of their confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from mnist_np.figures.layout import Page
from mnist_np.figures.style import COLOURS, SECONDARY, style
from mnist_np.metrics import BINS, ece
from mnist_np.metrics import reliability as reliability_of

if TYPE_CHECKING:
    from mnist_np.training.result import Result

LEFT, WIDTH = 0.85, 5.3


def reliability(result: Result) -> Figure:
    """Accuracy by confidence, and below the number of test images by confidence (Niculescu-Mizil & Caruana 2005)."""
    counts, confidence, accuracy = reliability_of(result.predictions)
    edges, used = np.linspace(0, 1, BINS + 1), counts > 0
    with style():
        page = Page(result, f"Reliability: expected calibration error {ece(result.predictions):.2%}", 6.5, 5.9)
        above, below = page.axes(LEFT, 2.1, WIDTH, 3.5), page.axes(LEFT, 0.6, WIDTH, 1.3)
        above.plot([0, 1], [0, 1], ":", color=SECONDARY, lw=1.2, label="perfectly calibrated")
        above.stairs(accuracy, edges, fill=True, color=COLOURS[5], label="accuracy of the images in the bin")
        above.plot(confidence[used], accuracy[used], "o", color=COLOURS[0], ms=4.5, label="the same at their mean confidence")
        above.set(ylim=(0, 1.02), ylabel="accuracy", xticklabels=[])
        above.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        above.legend(loc="upper left")
        below.stairs(np.maximum(counts, 0.1), edges, fill=True, color=COLOURS[5], baseline=0.1)
        below.set(yscale="log", ylim=(0.8, 2 * counts.max()), xlabel="confidence: the probability of the predicted class")
        below.set_ylabel("images")
        decades = 10 ** np.arange(len(str(counts.max())))
        below.set_yticks(decades, [f"{decade:,}" for decade in decades])
        below.yaxis.set_minor_locator(NullLocator())
        below.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        for axes in (above, below):
            axes.set_xlim(0, 1)
            axes.grid(axis="y")
        return page.figure
