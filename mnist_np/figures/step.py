"""A training step in pictures: what each layer gives forward and gets backward, and the first layer's gradient."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import MaxNLocator

from mnist_np.figures.style import as_png, new_figure, style
from mnist_np.nn.arrays import Array

COLOURS = "RdBu_r"

MOST = 12
"""Units whose incoming weights' gradients are shown."""


def heat_maps(arrays: Mapping[str, Array]) -> bytes:
    """A PNG of arrays (m, n) by name, one below the other: a row for each image, red if positive and blue if negative."""
    with style():
        figure = new_figure(8.5, 0.5 + 0.95 * len(arrays))
        for axes, (name, array) in zip(figure.subplots(len(arrays), 1, squeeze=False)[:, 0], arrays.items(), strict=True):
            limit = float(np.abs(array).max()) or 1.0
            image = axes.imshow(array, cmap=COLOURS, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
            axes.set_title(name)
            axes.set_ylabel("image")
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            axes.tick_params(length=0, labelsize=8)
            figure.colorbar(image, ax=axes, ticks=[-limit, 0, limit], format="%.2g", aspect=8, pad=0.01).outline.set_visible(
                False
            )
        axes.set_xlabel("unit")
        return as_png(figure)


def gradient_images(dW: Array, shape: tuple[int, int]) -> bytes:
    """A PNG of dJ/dW (n_features, n_units) of the first layer at the places of the pixels, for the units where it is largest."""
    units = np.argsort(-np.linalg.norm(dW, axis=0), kind="stable")[:MOST]
    limit = float(np.abs(dW[:, units]).max()) or 1.0
    with style():
        columns = min(6, len(units))
        rows = -(-len(units) // columns)
        figure = new_figure(8.5, 1.6 * rows)
        places = figure.subplots(rows, columns, squeeze=False)
        for axes in places.flat:
            axes.set_axis_off()
        for axes, unit in zip(places.flat, units, strict=False):
            image = axes.imshow(dW[:, unit].reshape(shape), cmap=COLOURS, vmin=-limit, vmax=limit)
            axes.set_title(f"unit {unit}", fontsize=9, fontweight="normal")
        figure.colorbar(image, ax=places, ticks=[-limit, 0, limit], format="%.2g", aspect=20 * rows, pad=0.01)
        return as_png(figure)
