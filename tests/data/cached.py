"""Data that are loaded through the cache."""

import numpy as np

from mnist_np.data import cache
from mnist_np.data.folder import load


def load_again(data):
    """Load as another process would: with nothing remembered."""
    cache._last.clear()
    return load(data)


def rows(decoded):
    return np.concatenate([decoded.train.rows, decoded.test.rows])


def only_file(own):
    (path,) = own.glob("*.rows")
    return path
