"""A data set in memory: three splits of examples in the rows, and what they are examples of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_np.component import UserError
from mnist_np.nn.arrays import Array

CHUNK = 2048
"""Examples converted at a time, so that no temporary is as large as the data."""


STEPS, NARROWEST = 4, 16
"""A batch's steps, and the examples that each has at least: more and narrower ones save fewer products than they cost calls."""


class DataError(UserError):
    """Data that cannot be used. The message names the file, what was expected and what was found."""


@dataclass(frozen=True)
class Split:
    """Examples X (n, features) with one-hot targets Y (n, classes), side by side in the rows of one array.

    One gather brings a batch's pixels and targets (`take`). Rows are padded to whole cache lines, and the last number of a row
    is how many of its ``inputs``, from the first on, hold all that are not zero (`lit`).
    """

    rows: Array
    n_features: int
    n_classes: int
    n_soft: int = 0
    """Further columns of targets: a teacher's opinions."""
    layout: NDArray[np.intp] | None = None
    """Which input stands in each column of ``inputs``; None: each in its own. `by_use` gives one that keeps `lit` small."""

    @classmethod
    def empty(cls, n: int, n_features: int, n_classes: int) -> Split:
        """Room for n examples, float32, not yet filled."""
        return cls(np.empty((n, cls.width(n_features, n_classes)), np.float32), n_features, n_classes)

    def room(self, n: int) -> Split:
        """Room for n examples like these, not yet filled."""
        return replace(self, rows=np.empty((n, self.rows.shape[1]), np.float32))

    def with_soft_targets(self, n_soft: int) -> Split:
        """A copy with ``n_soft`` more columns of targets, not yet filled."""
        rows = np.zeros((len(self), self.width(self.n_features, self.n_classes + n_soft)), np.float32)
        used = self.n_features + self.n_classes
        rows[:, :used], rows[:, -1] = self.rows[:, :used], self.rows[:, -1]
        return replace(self, rows=rows, n_soft=n_soft)

    @staticmethod
    def width(n_features: int, n_classes: int) -> int:
        """The length of a row."""
        return -(-(n_features + n_classes + 1) // 16) * 16

    @classmethod
    def pack(cls, X: Array, labels: NDArray[np.integer], n_classes: int, layout: NDArray[np.intp] | None = None) -> Split:
        """From inputs (n, features) and class numbers (n,), to be kept in this ``layout``."""
        split = replace(cls.empty(len(X), X.shape[1], n_classes), layout=layout)
        split.inputs[:] = X if layout is None else X.take(layout, axis=1)
        split.rows[:, X.shape[1] :] = 0
        split.Y[np.arange(len(X)), labels] = 1
        lit = split.inputs != 0
        split.rows[:, -1] = np.where(lit.any(axis=1), X.shape[1] - lit[:, ::-1].argmax(axis=1), 0)
        return split

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def inputs(self) -> Array:
        """(n, features) as they stand in the rows, in their ``layout``."""
        return self.rows[:, : self.n_features]

    @property
    def X(self) -> Array:
        """(n, features) in their own order: the inputs themselves, or a copy where they have another layout."""
        return self.inputs if self.layout is None else self.rows.take(np.argsort(self.layout), axis=1, mode="clip")

    def plain(self) -> Split:
        """The same with every input in its own column: a copy, unless they are there already."""
        if self.layout is None:
            return self
        columns = np.arange(self.rows.shape[1])
        columns[: self.n_features] = np.argsort(self.layout)
        other = replace(self, rows=self.rows.take(columns, axis=1, mode="clip"), layout=None)
        other.lit[:] = self.n_features
        return other

    @property
    def Y(self) -> Array:
        return self.rows[:, self.n_features : self.n_features + self.n_classes]

    @property
    def targets(self) -> Array:
        """What the loss compares with: Y, and beside it the soft targets, if there are any."""
        return self.rows[:, self.n_features : self.n_features + self.n_classes + self.n_soft]

    @property
    def labels(self) -> NDArray[np.intp]:
        """Class numbers (n,)."""
        labels: NDArray[np.intp] = np.argmax(self.Y, axis=1)
        return labels

    @property
    def lit(self) -> Array:
        """How many columns of ``inputs`` each example has up to its last one that is not zero: a view (n,), to be set where
        the inputs are changed."""
        return self.rows[:, -1]

    def steps(self) -> list[tuple[int, int]]:
        """Where these examples are zero, for `nn.staircase`: pairs (m, n), the first m of them being zero from column n on."""
        parts = min(STEPS, max(1, len(self) // NARROWEST))
        reach = np.maximum.accumulate(self.lit)
        ends = [len(self) * (i + 1) // parts for i in range(parts)]
        last = {int(reach[m - 1]): m for m in ends}  # of equal steps only the last
        return [(m, n) for n, m in last.items()]

    def take(self, indices: NDArray[np.intp], out: Split) -> None:
        """Copy the rows at ``indices`` into ``out``. Mode "clip" skips a copy that "raise" makes (113 against 174 us)."""
        self.rows.take(indices, axis=0, out=out.rows, mode="clip")

    def __getitem__(self, part: slice | NDArray[np.integer]) -> Split:
        """Some of the examples: a view of a slice of them, a copy of those with these numbers."""
        return replace(self, rows=self.rows[part])


def by_use(images: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The layout that has those pixels of ``images`` (n, height, width) first that are most often lit.

    What an image does not light is then mostly among the last ones, and can be left out (`nn.staircase`).
    """
    used = sum(np.count_nonzero(images[start : start + CHUNK], axis=0) for start in range(0, len(images), CHUNK))
    return np.argsort(-np.ravel(used), kind="stable")


@dataclass(frozen=True)
class PixelMap:
    """The preprocessing: x = gain * p + offset for pixels p in [0, 1], or x = [p >= 1/2] where ``binary``."""

    gain: float = 1.0
    offset: float = 0.0
    binary: bool = False

    def __call__(self, p: Array) -> Array:
        """A new array of p's shape and dtype."""
        if self.binary:
            return (p >= 0.5).astype(p.dtype)
        return p * p.dtype.type(self.gain) + p.dtype.type(self.offset)

    @property
    def keeps_zero(self) -> bool:
        """Whether a black pixel stays 0."""
        return self.binary or self.offset == 0

    def inverse(self, x: Array) -> Array:
        """The pixels (a new array) that x was made from; of binary ones what is left of them."""
        if self.binary:
            return x.copy()
        return (x - x.dtype.type(self.offset)) / x.dtype.type(self.gain)


@dataclass(frozen=True)
class Raw:
    """A data set as its files hold it: images (n, height, width) and class numbers (n,), ``sha256`` of all these bytes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    n_classes: int
    sha256: str


@dataclass(frozen=True)
class Decoded:
    """The same in rows, pixels in [0, 1]: all of the training and the test split, not yet divided or preprocessed."""

    train: Split
    test: Split
    image_shape: tuple[int, int]
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test split, preprocessed, their arrays read-only.

    ``sha256`` identifies the raw data, ``source`` says where it lay, ``pixels`` is the preprocessing that was done: what new
    images must go through before the network sees them. ``teacher_sha256`` is that of the teacher whose soft targets the
    training split has; empty without one.
    """

    name: str
    train: Split
    val: Split
    test: Split
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    sha256: str
    source: str
    pixels: PixelMap = PixelMap()
    teacher_sha256: str = ""

    @property
    def n_features(self) -> int:
        return self.train.n_features

    @property
    def n_classes(self) -> int:
        return self.train.n_classes
