"""What is done to pixels before a network sees them: one straight line, or a threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnist_np.data.dataset import CHUNK, PixelMap, Split
from mnist_np.nn.arrays import Array

IDENTITY = PixelMap()


def apply(pixels: PixelMap, split: Split) -> Split:
    """The split with its pixels mapped: a copy, unless nothing changes."""
    if pixels == IDENTITY:
        return split
    out = split.room(len(split))
    for start in range(0, len(split), CHUNK):
        part = slice(start, start + CHUNK)
        out.rows[part] = split.rows[part]
        out.X[part] = pixels(split.X[part])
    return out


def standardize(X: Array) -> PixelMap:
    """Mean 0 and variance 1 over all pixels of all examples X (n, features): x = (p - mean) / std.

    One mean and one deviation for all pixels, since many of MNIST's never vary.
    """
    parts = [X[start : start + CHUNK] for start in range(0, len(X), CHUNK)]
    mean = sum(float(part.sum(dtype=np.float64)) for part in parts) / X.size
    variance = sum(float(np.square(part - part.dtype.type(mean)).sum(dtype=np.float64)) for part in parts) / X.size
    std = variance**0.5 or 1.0
    return PixelMap(1 / std, -mean / std)


PREPROCESS: dict[str, Callable[[Array], PixelMap]] = {
    "scale": lambda X: IDENTITY,
    "standardize": standardize,
    "symmetric": lambda X: PixelMap(2.0, -1.0),
    "binarize": lambda X: PixelMap(binary=True),
}
"""name -> the map, given the training split's pixels X (n, features) in [0, 1]."""
