"""What is done to pixels before a network sees them: one straight line, or a threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mnist_np.data.byte_split import ByteSplit
from mnist_np.data.dataset import CHUNK, IDENTITY, PixelMap, Split
from mnist_np.nn.arrays import Array


def apply(pixels: PixelMap, split: Split) -> Split:
    """The split, its pixels in [0, 1], with them mapped: a copy, unless nothing changes or a `ByteSplit` maps them when it gives
    them."""
    if isinstance(split, ByteSplit):
        return replace(split, pixels=pixels)
    if pixels == IDENTITY:
        return split
    out = split.room(len(split))
    for start in range(0, len(split), CHUNK):
        part = slice(start, start + CHUNK)
        out.rows[part] = split.rows[part]
        pixels.apply(out.X[part])
    return out


def standardize(split: Split) -> PixelMap:
    """Mean 0 and variance 1 over all pixels of all examples: x = (p - mean) / std.

    One mean and one deviation for all pixels, since many of MNIST's never vary.
    """
    size = len(split) * split.n_features

    def mean_of(value: Callable[[Array], Array]) -> float:
        return sum(float(value(piece.X).sum(dtype=np.float64)) for piece in split.pieces()) / size

    mean = mean_of(lambda X: X)
    variance = mean_of(lambda X: np.square(X - X.dtype.type(mean)))
    std = variance**0.5 or 1.0
    return PixelMap(1 / std, -mean / std)


PREPROCESS: dict[str, Callable[[Split], PixelMap]] = {
    "scale": lambda split: IDENTITY,
    "standardize": standardize,
    "symmetric": lambda split: PixelMap(2.0, -1.0),
    "binarize": lambda split: PixelMap(binary=True),
}
"""name -> the map, given the training split, its pixels in [0, 1]."""
