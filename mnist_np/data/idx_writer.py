"""Writing a data set as MNIST's four files, which any program that reads MNIST can read."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.byte_split import ByteSplit
from mnist_np.data.dataset import Split
from mnist_np.data.folder import FILES
from mnist_np.data.splits import RawSplits
from mnist_np.files import write_atomically

UNSIGNED_BYTE = 8
"""The code of the only type that MNIST's files have."""


def write_idx(data: RawSplits, folder: Path) -> list[Path]:
    """Write the four files, compressed, and ``classes.txt`` with the names of the classes. Gives their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    decoded = data.decoded
    arrays = [array for split in (decoded.train, decoded.test) for array in as_bytes(split, decoded.image_shape)]
    written = []
    for name, array in zip(FILES, arrays, strict=True):
        written.append(folder / f"{name}.gz")
        write_atomically(written[-1], gzip.compress(idx(array), mtime=0))
    written.append(folder / "classes.txt")
    write_atomically(written[-1], "".join(f"{name}\n" for name in data.class_names))
    return written


def as_bytes(split: Split, shape: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (n, height, width) and labels (n,) of a split whose pixels lie in [0, 1]."""
    if isinstance(split, ByteSplit):
        return split.bytes.reshape(len(split), *shape), split.labels.astype(np.uint8)
    images = np.round(split.X * np.float32(255)).astype(np.uint8).reshape(len(split), *shape)
    return images, split.labels.astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    """The file: two zeros, the type, the number of dimensions, each of them in four bytes, and the content."""
    return bytes([0, 0, UNSIGNED_BYTE, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
