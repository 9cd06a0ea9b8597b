"""Arrays in memory that two processes see."""

from __future__ import annotations

import mmap
import os

import numpy as np
from numpy.typing import DTypeLike

from mnist_np.machine import anonymous_file


class SharedArray:
    """An array in memory without a name: it ends with the last process that has it, however that process ends.

    The other process inherits the descriptor ``fd`` and makes a SharedArray of the same shape of it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, fd: int | None = None) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        size = max(1, int(np.prod(shape))) * self.dtype.itemsize
        self.fd = anonymous_file(size) if fd is None else fd
        self.array: np.ndarray = np.frombuffer(mmap.mmap(self.fd, size), self.dtype, int(np.prod(shape))).reshape(shape)

    @property
    def description(self) -> tuple[tuple[int, ...], str, int]:
        """What the other process makes its SharedArray of."""
        return self.shape, self.dtype.str, self.fd

    def close(self) -> None:
        """Let go of the descriptor; the memory stays as long as the array is in use."""
        os.close(self.fd)
