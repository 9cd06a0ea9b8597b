"""Augmented training images beside their originals."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from mnist_np.data.augment import Augment, Distort, augmented_examples
from mnist_np.figures.layout import MARGIN, Grid, Page
from mnist_np.figures.predictions import name
from mnist_np.figures.style import ACCENT, SECONDARY, style
from mnist_np.streams import Streams

if TYPE_CHECKING:
    from mnist_np.training.result import Result

EXAMPLES, COPIES = 8, 9
"""Rows, and augmented copies in each."""


def augmented(result: Result) -> Figure:
    """The first training images, framed, each followed by augmented copies."""
    augment = result.experiment.augment
    rng = Streams(result.experiment.seed)("augment")
    originals, distorted = augmented_examples(augment, result.data, EXAMPLES, COPIES, rng)
    rows = np.concatenate([originals[:, None], distorted], axis=1)
    labels = result.data.train.labels[: len(originals)]
    with style():
        grid = Grid(len(rows) * (COPIES + 1), result.data.image_shape, COPIES + 1, side=0.76, gap=0.2, caption=0.22)
        page = Page(result, "Augmented training images", grid.width + 2 * MARGIN, grid.height + 0.3, "framed: the original")
        page.text(MARGIN, page.top - 0.05, strengths(augment), size=9, color=SECONDARY)
        page.top -= 0.2
        places = grid.draw(page, rows.reshape(-1, *result.data.image_shape), "gray_r", 0, 1)
        for place, label in zip(places[:: COPIES + 1], labels, strict=True):
            page.frame(place, ACCENT)
            page.caption(place, name(result, label))
        return page.figure


def strengths(augment: Augment) -> str:
    """``elastic_alpha 34  ·  elastic_sigma 4  ·  moves pixels by 1.38 px RMS``: the strengths that are not 0."""
    values = {f.name: getattr(augment, f.name) for f in dataclasses.fields(augment)}
    elastic = isinstance(augment, Distort) and augment.elastic_alpha > 0
    parts = [f"{key} {value:g}" for key, value in values.items() if value and (elastic or key != "elastic_sigma")]
    if isinstance(augment, Distort) and elastic:
        parts.append(f"moves pixels by {augment.elastic_rms:.2f} px RMS")
    return "  ·  ".join(parts) or "nothing is changed"
