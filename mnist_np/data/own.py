"""Data of one's own: pictures in folders (``data=folder``), NumPy arrays (``data=arrays``), a table (``data=table``)."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
from numpy.typing import NDArray

from mnist_np.component import bounded, without_effect
from mnist_np.data import cache
from mnist_np.data.dataset import DataError, Raw
from mnist_np.data.gather import SPLITS, Examples, files_of, of_arrays, of_pictures, of_tables, sha256_of
from mnist_np.data.pictures import PREPARATION
from mnist_np.data.source import Data
from mnist_np.data.splits import PART, RawSplits, stratified

ORDER = 20_261
"""The seed of the order of the examples, which is the same for every run."""


@dataclass
class OwnData(Data):
    """Examples in whatever order, with classes in whatever names: brought into one order, and divided.

    Where there is no test split, ``test_size`` examples are drawn for it, stratified by class and always the same ones;
    None stands for a sixth. The others come in a random order that is always the same, so that the last ones can validate.
    """

    validation_size: int | None = bounded(None, ge=0)
    test_size: int | None = bounded(None, ge=1)

    @abstractmethod
    def source(self) -> tuple[Path, dict[str, Path], Callable[[], tuple[Examples, Examples | None]]]:
        """What the user named, the files that it comes to by what each is (a name, which holds its class and split), and what
        reads them into training and test examples."""

    def read(self) -> RawSplits:
        named, files, gather = self.source()
        try:
            content = sha256_of(files)
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}") from None
        effective = {key: value for key, value in vars(self).items() if key not in NO_PART}
        key = f"{cache.LAYOUT} own {SCALES} {type(self).__name__} {effective} {PREPARATION} {content}"
        key = hashlib.sha256(key.encode()).hexdigest()[:32]
        decoded = cache.fetch(key, lambda: divided(named, *gather(), self.test_size))
        return RawSplits(named.name or "own", decoded, decoded.class_names, str(named))


SCALES = 3
"""The version of `gather.of_numbers`, of which what is kept in the cache is."""

NO_PART = ("validation_size", "train_size", "preprocess", "dtype", "folder", "file", "test_file")
"""Keys that what is kept in the cache does not depend on."""


def divided(named: Path, train: Examples, test: Examples | None, test_size: int | None) -> Raw:
    """Both splits, the classes numbered in the order of their names (of numbers: of their size). Raises DataError."""
    names = in_order(train.names)
    if len(names) < 2:
        raise DataError(f"{named}: has examples of the class '{names[0] if names else ''}' only, at least two classes are needed")
    rng = np.random.default_rng(ORDER)
    labels = numbered(named, train.names, names)
    order = rng.permutation(len(labels))
    if test is None:
        n = test_size or max(1, len(labels) // PART)
        if not len(names) <= n <= len(labels) - len(names):
            raise DataError(f"{named}: data.test_size = {n} of {len(labels):,} examples, in {len(names)} classes, leaves too few")
        chosen = np.zeros(len(labels), bool)
        chosen[stratified(labels, n, rng)] = True
        taken, order = order[chosen[order]], order[~chosen[order]]
        test, test_labels = Examples(train.images[taken], train.names[taken]), labels[taken]
    else:
        test_labels = numbered(named, test.names, names)
    if train.images.shape[1:] != test.images.shape[1:]:
        there = [f"{a} x {b}" for a, b in (train.images.shape[1:], test.images.shape[1:])]
        raise DataError(f"{named}: the training images have {there[0]} pixels, the test images {there[1]}")
    images, labels = train.images[order], labels[order]
    digest = hashlib.sha256(repr((names, images.shape, test.images.shape)).encode())
    for array in (images, labels, test.images, test_labels):
        digest.update(np.ascontiguousarray(array).data)
    return Raw(images, labels, test.images, test_labels, len(names), digest.hexdigest(), names)


def in_order(names: NDArray[np.str_]) -> tuple[str, ...]:
    """The different names, numbers by their size."""
    different = [str(name) for name in np.unique(names)]
    return tuple(sorted(different, key=int) if all(name.isdecimal() for name in different) else different)


def numbered(named: Path, names: NDArray[np.str_], classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """The number of each one's class. Raises DataError for a class that the training examples do not have."""
    number = {name: k for k, name in enumerate(classes)}
    if unknown := sorted(set(map(str, np.unique(names))) - number.keys()):
        raise DataError(f"{named}: no training example has the class '{unknown[0]}' of a test example")
    if len(classes) > MOST_CLASSES:
        raise DataError(f"{named}: {len(classes):,} classes are too many, at most {MOST_CLASSES} are known")
    return np.array([number[str(name)] for name in names], np.uint8)


MOST_CLASSES = 256
"""Labels are bytes."""


@dataclass
class Folder(OwnData):
    """Pictures of single characters, one folder for each class in ``folder``; or such folders in its ``train`` and ``test``.

    PNG, JPEG, BMP, GIF, TIFF or WebP, of any size and polarity: they are prepared to ``side`` x ``side`` pixels as the command
    ``predict`` prepares pictures.
    """

    folder: str | None = without_effect(None)
    side: int = bounded(28, ge=4, le=256)

    def source(self) -> tuple[Path, dict[str, Path], Callable[[], tuple[Examples, Examples | None]]]:
        if self.folder is None:
            raise self.error("folder", None, "must name a folder that has a folder of pictures for each class")
        folder = Path(self.folder).expanduser()
        parts = [folder / split for split in SPLITS] if all((folder / split).is_dir() for split in SPLITS) else [folder]
        files = [files_of(part, "data.folder") for part in parts]
        every = {path.relative_to(folder).as_posix(): path for part in files for paths in part.values() for path in paths}

        def gather() -> tuple[Examples, Examples | None]:
            first, *rest = (of_pictures(part, self.side) for part in files)
            return first, rest[0] if rest else None

        return folder, every, gather


@dataclass
class Arrays(OwnData):
    """An .npz file with ``X`` (n, height, width) or (n, pixels) and ``y`` (n,), or with both of them for each split: ``X_train``,
    ``y_train``, ``X_test`` and ``y_test``.

    Pixels from 0 to 255, or all of them from 0 to 1 (kept in steps of 1/255); classes as numbers or texts. ``shape`` is
    [height, width] where the images are neither in that form nor square.
    """

    file: str | None = without_effect(None)
    shape: Optional[list[int]] = bounded(None, ge=1)

    def source(self) -> tuple[Path, dict[str, Path], Callable[[], tuple[Examples, Examples | None]]]:
        if self.file is None:
            raise self.error("file", None, "must name a file of numpy.savez with X and y")
        path = Path(self.file).expanduser()
        return path, {"file": path}, lambda: of_arrays(path, two_sides(self, self.shape))


@dataclass
class Table(OwnData):
    """A CSV file (also .gz) with a line of headings: the class in the column ``label``, a pixel in each other one, row by row.

    ``test_file`` is one of the same form with the test examples. Pixels and ``shape`` as for arrays.
    """

    file: str | None = without_effect(None)
    test_file: str | None = without_effect(None)
    label: str = "label"
    shape: Optional[list[int]] = bounded(None, ge=1)

    def source(self) -> tuple[Path, dict[str, Path], Callable[[], tuple[Examples, Examples | None]]]:
        if self.file is None:
            raise self.error("file", None, "must name a CSV file")
        named = {"file": self.file, "test_file": self.test_file}
        files = {key: Path(name).expanduser() for key, name in named.items() if name}
        shape = two_sides(self, self.shape)
        return files["file"], files, lambda: of_tables(list(files.values()), self.label, shape)


def two_sides(data: OwnData, shape: list[int] | None) -> list[int] | None:
    """``data.shape``, checked. Raises ConfigError."""
    if shape is not None and len(shape) != 2:
        raise data.error("shape", shape, "must be height and width, as in [28,28]")
    return shape
