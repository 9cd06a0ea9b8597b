"""A character's ink brought to the size, place and thickness of strokes that MNIST's digits have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.paper import running_max, shrunk
from mnist_np.data.ruling import Gray

BOX = 20 / 28
"""The share of the field's side that the character's longer side takes."""

THIN, USUAL = 0.07, 0.1
"""Thickness of strokes as a share of the character's longer side: below the first they are thickened to the second. In MNIST the
median is 0.12, and 0.6 % are below the first."""

FINE = 80
"""Pixels of the longer side at which strokes are thickened."""

INK = 0.2
"""Brightness, as a share of the brightest, from which on a pixel belongs to the character."""


def centred(ink: Gray, shape: tuple[int, int]) -> Gray:
    """The character, cut out, scaled into the box and placed with its centre of mass in the middle of ``shape``."""
    from PIL import Image

    rows, columns = np.flatnonzero((ink >= INK).any(axis=1)), np.flatnonzero((ink >= INK).any(axis=0))
    cut = thickened(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = BOX * min(shape) / max(cut.shape)
    height, width = (max(1, round(scale * side)) for side in cut.shape)
    box = np.asarray(
        Image.fromarray(cut).resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    )
    mass = float(box.sum())
    places = [place(box.sum(axis=1 - axis) / mass, side) for axis, side in enumerate(shape)]
    image = np.zeros(shape, np.float32)
    image[places[0] : places[0] + height, places[1] : places[1] + width] = np.clip(box, 0, 1)
    return image


def thickened(cut: Gray) -> Gray:
    """The character, if its strokes are thinner than those of MNIST, with strokes of the usual thickness; else as it is."""
    width = stroke_width(cut)
    side = max(cut.shape)
    if width >= THIN * side:
        return cut
    cut = shrunk(cut, FINE)
    steps = round((USUAL - width / side) * max(cut.shape) / 2)
    cut = np.pad(cut / cut.max(), steps)
    for step in range(steps):  # squares and crosses in turn: in all an octagon
        wide = np.pad(cut, 1)
        cross = [cut, wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]]
        cut = running_max(cut, 3) if step % 2 else np.maximum.reduce(cross)
    return cut


def stroke_width(cut: Gray) -> float:
    """The mean thickness of strokes, in pixels: twice their area by the length of their outline (the total variation)."""
    wide = np.pad(cut, 1)
    outline = np.hypot(np.diff(wide, axis=0)[:, :-1], np.diff(wide, axis=1)[:-1]).sum()
    return float(2 * cut.sum() / outline)


def place(profile: NDArray[np.floating], side: int) -> int:
    """Where a box begins along an axis of ``side`` pixels, so that the mean of ``profile`` lies at its middle, within it."""
    mean = float(profile @ np.arange(len(profile)))
    return int(np.clip(round(side / 2 - mean), 0, side - len(profile)))
