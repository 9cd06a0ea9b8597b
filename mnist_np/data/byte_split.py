"""Examples whose pixels are kept as bytes, as their files have them: in a quarter of the memory, and converted by the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import CHUNK, DataError, PixelMap, Split
from mnist_np.nn.arrays import Array

CLASSES = 256
"""A class number is a byte."""


@dataclass(frozen=True, repr=False)
class ByteSplit(Split):
    """A `Split` whose rows (n, width) are bytes: the pixels, the class number, and the soft targets as four bytes each.

    What it gives is float32, the same to the bit as a `Split` of the same examples: X = pixels(bytes / 255) and one-hot targets,
    made anew whenever they are asked for. Of many examples ask for a few at a time: ``split[start:stop].X``.
    """

    pixels: PixelMap = PixelMap()

    @classmethod
    def empty(cls, n: int, n_features: int, n_classes: int, n_soft: int = 0) -> ByteSplit:
        """Room for n examples, zero."""
        if n_classes > CLASSES:
            raise DataError(f"{n_classes:,} classes are too many for examples of bytes: at most {CLASSES}")
        return cls(np.zeros((n, cls.width(n_features, n_soft)), np.uint8), n_features, n_classes, n_soft)

    @staticmethod
    def width(n_features: int, n_soft: int = 0) -> int:
        """The length of a row of bytes."""
        return -(-(_soft_start(n_features) + 4 * n_soft) // 64) * 64

    @classmethod
    def pack(cls, X: NDArray[Any], labels: NDArray[np.integer], n_classes: int) -> ByteSplit:
        """From pixels (n, features) as bytes and class numbers (n,)."""
        split = cls.empty(len(X), X.shape[1], n_classes)
        split.bytes[:] = X
        split.rows[:, X.shape[1]] = labels
        return split

    @property
    def batch_width(self) -> int:
        return Split.width(self.n_features, self.n_classes + self.n_soft)

    def with_soft_targets(self, n_soft: int) -> ByteSplit:
        split = replace(self.empty(len(self), self.n_features, self.n_classes, n_soft), pixels=self.pixels)
        split.rows[:, : self.n_features + 1] = self.rows[:, : self.n_features + 1]
        return split

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The pixels (n, features) as they are kept, a view."""
        return self.rows[:, : self.n_features]

    @property
    def X(self) -> Array:
        """The inputs (n, features), a read-only copy."""
        X = np.empty((len(self), self.n_features), np.float32)
        for start in range(0, len(X), CHUNK):
            self.pixels.of_bytes(self.bytes[start : start + CHUNK], out=X[start : start + CHUNK])
        X.flags.writeable = False
        return X

    @property
    def Y(self) -> Array:
        """The one-hot targets (n, classes), a read-only copy."""
        return _read_only(self._one_hot())

    @property
    def soft(self) -> Array:
        start = _soft_start(self.n_features)
        return self.rows[:, start : start + 4 * self.n_soft].view(np.float32)

    @property
    def targets(self) -> Array:
        """Y, and beside it the soft targets, if there are any: a read-only copy."""
        return _read_only(np.concatenate([self._one_hot(), self.soft], axis=1))

    @property
    def labels(self) -> NDArray[np.intp]:
        return self.rows[:, self.n_features].astype(np.intp)

    def take(self, indices: NDArray[np.intp], out: Split) -> None:
        """Write the examples at ``indices`` into ``out``, converted."""
        taken = replace(self, rows=self.rows.take(indices, axis=0, mode="clip"))
        self.pixels.of_bytes(taken.bytes, out=out.X)
        taken.write_targets(out)

    def write_targets(self, out: Split) -> None:
        """Write the targets of all examples into ``out``."""
        np.equal(self.rows[:, self.n_features, None], np.arange(self.n_classes, dtype=np.uint8), out=out.Y)
        if self.n_soft:
            out.soft[:] = self.soft

    def _one_hot(self) -> Array:
        return np.eye(self.n_classes, dtype=np.float32)[self.labels]

    def converted(self) -> Split:
        """The same examples as a `Split`, once and for all."""
        split = Split.empty(len(self), self.n_features, self.n_classes, self.n_soft)
        for start in range(0, len(self), CHUNK):
            numbers = np.arange(start, min(start + CHUNK, len(self)))
            self.take(numbers, out=split[start : start + CHUNK])
        return split


def _soft_start(n_features: int) -> int:
    """Where the soft targets begin: after the class number, at a multiple of four."""
    return -(-(n_features + 1) // 4) * 4


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
