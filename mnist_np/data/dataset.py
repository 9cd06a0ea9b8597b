"""A data set in memory: three splits of examples in the rows, and what they are examples of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_np import notebook
from mnist_np.component import UserError
from mnist_np.nn.arrays import Array

SHOWN = 20
"""Classes of which a notebook shows an image."""

CHUNK = 2048
"""Examples converted at a time, so that no temporary is as large as the data."""


class DataError(UserError):
    """Data that cannot be used. The message names the file, what was expected and what was found."""


@dataclass(frozen=True, repr=False)
class Split:
    """Examples X (n, features) with one-hot targets Y (n, classes), side by side in the rows of one float32 array.

    One gather brings a batch's pixels and targets (`take`). Rows are padded to whole cache lines. `ByteSplit` is the same in a
    quarter of the memory.
    """

    rows: np.ndarray
    n_features: int
    n_classes: int
    n_soft: int = 0
    """Further columns of targets: a teacher's class probabilities."""

    @classmethod
    def empty(cls, n: int, n_features: int, n_classes: int, n_soft: int = 0) -> Split:
        """Room for n examples, float32, zero."""
        width = cls.width(n_features, n_classes + n_soft)
        return cls(np.zeros((n, width), np.float32), n_features, n_classes, n_soft)

    @property
    def batch_width(self) -> int:
        """The length of a row in a batch of these examples, which is float32."""
        return self.width(self.n_features, self.n_classes + self.n_soft)

    def over(self, rows: Array) -> Split:
        """Room in ``rows`` (m, batch_width), float32, for m examples like these."""
        return Split(rows, self.n_features, self.n_classes, self.n_soft)

    def room(self, n: int) -> Split:
        """An empty split of n examples like these, zero."""
        return self.over(np.zeros((n, self.batch_width), np.float32))

    def with_soft_targets(self, n_soft: int) -> Split:
        """A copy with ``n_soft`` more columns of targets, zero."""
        split = self.empty(len(self), self.n_features, self.n_classes, n_soft)
        used = self.n_features + self.n_classes
        split.rows[:, :used] = self.rows[:, :used]
        return split

    @staticmethod
    def width(n_features: int, n_targets: int) -> int:
        """The length of a row."""
        return -(-(n_features + n_targets) // 16) * 16

    @classmethod
    def pack(cls, X: np.ndarray, labels: NDArray[np.integer], n_classes: int) -> Split:
        """From inputs (n, features) and class numbers (n,)."""
        split = cls.empty(len(X), X.shape[1], n_classes)
        split.X[:] = X
        split.Y[np.arange(len(X)), labels] = 1
        return split

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Split({len(self):,} examples of {self.n_features} features, {self.n_classes} classes)"

    @property
    def X(self) -> Array:
        """The inputs (n, features), a view."""
        return self.rows[:, : self.n_features]

    @property
    def is_not_zero(self) -> NDArray[np.bool_]:
        """Which inputs (n, features) are not zero."""
        return np.not_equal(self.X, 0)

    @property
    def Y(self) -> Array:
        """The one-hot targets (n, classes), a view."""
        return self.rows[:, self.n_features : self.n_features + self.n_classes]

    @property
    def targets(self) -> Array:
        """What the loss compares with: Y, and beside it the soft targets, if there are any."""
        return self.rows[:, self.n_features : self.n_features + self.n_classes + self.n_soft]

    @property
    def soft(self) -> Array:
        """The soft targets (n, n_soft), a view."""
        return self.rows[:, self.n_features + self.n_classes :][:, : self.n_soft]

    @property
    def labels(self) -> NDArray[np.intp]:
        """Class numbers (n,)."""
        labels: NDArray[np.intp] = np.argmax(self.Y, axis=1)
        return labels

    def take(self, indices: NDArray[np.intp], out: Split) -> None:
        """Copy the rows at ``indices`` into ``out``. Mode "clip" skips a copy that "raise" makes (113 against 174 us)."""
        self.rows.take(indices, axis=0, out=out.rows, mode="clip")

    def __getitem__(self, part: slice | NDArray[np.integer]) -> Split:
        """Some of the examples: a view of a slice of them, a copy of those with these numbers."""
        return replace(self, rows=self.rows[part])

    def pieces(self, n: int = CHUNK) -> Iterator[Split]:
        """All examples in order, ``n`` at a time, views."""
        return (self[start : start + n] for start in range(0, len(self), n))


@dataclass(frozen=True)
class PixelMap:
    """The preprocessing: x = gain * p + offset for pixels p in [0, 1], or x = [p >= 1/2] where ``binary``."""

    gain: float = 1.0
    offset: float = 0.0
    binary: bool = False

    def __call__(self, p: Array) -> Array:
        """A new array of p's shape and dtype."""
        x = p.copy()
        self.apply(x)
        return x

    def apply(self, p: Array) -> bool:
        """The same in place. Gives whether there was anything to do."""
        if self.binary:
            np.greater_equal(p, 0.5, out=p)
        elif self != IDENTITY:
            np.multiply(p, p.dtype.type(self.gain), out=p)
            np.add(p, p.dtype.type(self.offset), out=p)
        return self != IDENTITY

    def inverse(self, x: Array) -> Array:
        """The pixels (a new array) that x was made from; of binary ones what is left of them."""
        if self.binary:
            return x.copy()
        return (x - x.dtype.type(self.offset)) / x.dtype.type(self.gain)


IDENTITY = PixelMap()


@dataclass(frozen=True)
class Raw:
    """A data set as its files hold it: images (n, height, width) and class numbers (n,), ``sha256`` of all these bytes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    n_classes: int
    sha256: str
    class_names: tuple[str, ...] = ()
    """Where the files name them."""


@dataclass(frozen=True)
class Decoded:
    """The same in rows, pixels in [0, 1]: all of the training and the test split, not yet divided or preprocessed."""

    train: Split
    test: Split
    image_shape: tuple[int, int]
    sha256: str
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Dataset:
    """Train, validation and test split, preprocessed, their arrays read-only.

    Attributes:
        name: the option of the group ``data``.
        train: the training split.
        val: the validation split; may be empty.
        test: the test split.
        image_shape: height and width of an image in pixels.
        class_names: a name for each class.
        sha256: of the raw data.
        source: the folder or package that the data were read from.
        pixels: the preprocessing, which new images need too before the network sees them.
        teacher_sha256: of the teacher whose soft targets the training split has; empty without one.
    """

    name: str
    train: Split
    val: Split
    test: Split
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    sha256: str
    source: str
    pixels: PixelMap = IDENTITY
    teacher_sha256: str = ""

    def __repr__(self) -> str:
        return f"Dataset({self.name}: {self.sizes}; {self.shape})"

    def _repr_html_(self) -> str:
        """Sizes and, one of each class, the first images of the training split."""
        about = {"examples": self.sizes, "images": self.shape, "source": self.source, "sha256": self.sha256}
        labels = self.train.labels
        firsts = [(name, int(np.argmax(labels == k))) for k, name in enumerate(self.class_names) if (labels == k).any()]
        images = [(name, self.pixels.inverse(self.train[i : i + 1].X).reshape(self.image_shape)) for name, i in firsts[:SHOWN]]
        pictures = (notebook.picture(np.round(np.clip(p, 0, 1) * 255).astype(np.uint8), name) for name, p in images)
        return notebook.table(f"Dataset {self.name}", about) + "".join(pictures)

    @property
    def sizes(self) -> str:
        """How many examples each split has, in words."""
        return f"{len(self.train):,} train, {len(self.val):,} validation, {len(self.test):,} test"

    @property
    def shape(self) -> str:
        """What the examples are, in words."""
        height, width = self.image_shape
        return f"{height} x {width} pixels, {self.n_classes} classes"

    @property
    def n_features(self) -> int:
        return self.train.n_features

    @property
    def n_classes(self) -> int:
        return self.train.n_classes
