"""Examples whose pixels are kept as bytes, as their files have them: in a quarter of the memory, and converted by the batch."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import CHUNK, IDENTITY, PixelMap, Split
from mnist_np.nn.arrays import Array

ONE = np.float32(255)
"""The byte of 1: pixels and one-hot targets are b / 255."""


@dataclass(frozen=True, repr=False)
class ByteSplit(Split):
    """A `Split` whose rows are bytes: 255 times what a float32 row has, and then the soft targets as four bytes each.

    What it gives is float32 and the same to the bit as a `Split` of the same examples, but made anew whenever it is asked for. Of
    many examples ask for a few at a time: ``split[start:stop].X``.
    """

    pixels: PixelMap = IDENTITY

    @classmethod
    def empty(cls, n: int, n_features: int, n_classes: int, n_soft: int = 0) -> ByteSplit:
        """Room for n examples, zero."""
        width = cls.width(n_features, n_classes) + 4 * n_soft
        return cls(np.zeros((n, width), np.uint8), n_features, n_classes, n_soft)

    @classmethod
    def pack(cls, X: np.ndarray, labels: NDArray[np.integer], n_classes: int) -> ByteSplit:
        """From pixels (n, features) as bytes and class numbers (n,)."""
        split = cls.empty(len(X), X.shape[1], n_classes)
        split.bytes[:] = X
        split.rows[np.arange(len(X)), X.shape[1] + labels.astype(np.intp)] = ONE
        return split

    def with_soft_targets(self, n_soft: int) -> ByteSplit:
        split = self.empty(len(self), self.n_features, self.n_classes, n_soft)
        split.rows[:, : self.used] = self.rows[:, : self.used]
        return replace(split, pixels=self.pixels)

    @property
    def used(self) -> int:
        """The bytes of a row before its soft targets."""
        return self.width(self.n_features, self.n_classes)

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The pixels (n, features) as they are kept, a view."""
        return self.rows[:, : self.n_features]

    @property
    def X(self) -> Array:
        """The inputs (n, features), a read-only copy."""
        X = np.empty((len(self), self.n_features), np.float32)
        for start in range(0, len(X), CHUNK):
            part = X[start : start + CHUNK]
            self.pixels.apply(np.divide(self.bytes[start : start + CHUNK], ONE, out=part))
        return _read_only(X)

    @property
    def is_not_zero(self) -> NDArray[np.bool_]:
        of_byte = self.pixels(np.arange(256, dtype=np.float32) / ONE) != 0
        if of_byte[1:].all() and not of_byte[0]:
            return np.not_equal(self.bytes, 0)  # six times as fast
        found: NDArray[np.bool_] = of_byte[self.bytes]
        return found

    @property
    def Y(self) -> Array:
        """The one-hot targets (n, classes), a read-only copy."""
        return _read_only(super().Y / ONE)

    @property
    def soft(self) -> Array:
        return self.rows[:, self.used :].view(np.float32)

    @property
    def targets(self) -> Array:
        """Y, and beside it the soft targets, if there are any: a read-only copy."""
        return _read_only(np.concatenate([self.Y, self.soft], axis=1))

    @property
    def labels(self) -> NDArray[np.intp]:
        labels: NDArray[np.intp] = super().Y.argmax(axis=1)
        return labels

    def take(self, indices: NDArray[np.intp], out: Split) -> None:
        """Write the examples at ``indices`` into ``out``, converted: whole rows at once, which is faster than parts of them."""
        for start in range(0, len(indices), CHUNK):
            part = slice(start, start + CHUNK)
            self._take(indices[part], out[part])

    def _take(self, indices: NDArray[np.intp], out: Split) -> None:
        n, used = self.n_features, self.used
        taken = self.rows.take(indices, axis=0, out=_scratch((len(indices), self.rows.shape[1])), mode="clip")
        if self.pixels.apply(np.divide(taken[:, :used], ONE, out=out.rows[:, :used])):
            np.divide(taken[:, n:used], ONE, out=out.rows[:, n:used])  # only the pixels are to be mapped
        if self.n_soft:
            out.soft[:] = replace(self, rows=taken).soft

    def converted(self) -> Split:
        """The same examples as a `Split`."""
        split = Split.empty(len(self), self.n_features, self.n_classes, self.n_soft)
        self.take(np.arange(len(self)), out=split)
        return split


_memory = threading.local()
"""Of each thread, what it gathers into, so that a batch allocates nothing."""


def _scratch(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """An array of this shape that the next one overwrites."""
    size = shape[0] * shape[1]
    if len(getattr(_memory, "bytes", ())) < size:
        _memory.bytes = np.empty(size, np.uint8)
    scratch: NDArray[np.uint8] = _memory.bytes[:size].reshape(shape)
    return scratch


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
