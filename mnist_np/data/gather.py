"""Examples of one's own, from pictures in folders, arrays or a table: as gray images of bytes with the names of their classes."""

from __future__ import annotations

import hashlib
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import DataError
from mnist_np.data.pictures import read_picture, size
from mnist_np.files import open_regular
from mnist_np.memory import need

IGNORED = ("Thumbs.db", "desktop.ini")
"""Files that systems leave in folders of pictures; and those whose names begin with a dot."""

SPLITS = ("train", "test")
"""Folders, or beginnings of the names of arrays, that divide the examples."""


@dataclass(frozen=True)
class Examples:
    """Gray images (n, height, width) and the name of each one's class (n,)."""

    images: NDArray[np.uint8]
    names: NDArray[np.str_]


DIVISIONS = {"train", "training", "test", "testing", "val", "valid", "validation"}
"""Names of folders that are no classes."""


def files_of(folder: Path, key: str) -> dict[str, list[Path]]:
    """The pictures of each class, by the names of the folders that they lie in. Raises DataError."""
    if not folder.is_dir():
        raise DataError(f"{key} = {folder}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
    classes = {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    if classes and {name.casefold() for name in classes} <= DIVISIONS:
        raise DataError(
            f"{folder}: has the folders {', '.join(classes)}: where they divide the examples, call them train and test"
        )
    found = {name: [path for path in sorted(inner.rglob("*")) if is_picture(path)] for name, inner in classes.items()}
    if len(found) < 2:
        raise DataError(f"{folder}: must have a folder for each class, at least two, not {len(found)}")
    for name, paths in found.items():
        if not paths:
            raise DataError(f"{folder / name}: the class has no pictures; remove the folder, or put some into it")
    return found


def is_picture(path: Path) -> bool:
    """Whether a file is to be read as one."""
    return path.is_file() and not path.name.startswith(".") and path.name not in IGNORED


def of_pictures(files: dict[str, list[Path]], side: int) -> Examples:
    """The pictures, each prepared as `pictures` does: of ``side`` x ``side`` pixels. Raises DataError for one that is none."""
    names = np.array([name for name, paths in files.items() for _ in paths])
    need(len(names) * side * side, "the pictures")
    images = np.empty((len(names), side, side), np.uint8)
    for i, path in enumerate(path for paths in files.values() for path in paths):
        images[i] = np.round(read_picture(path, (side, side)) * 255)
    return Examples(images, names)


def of_arrays(path: Path, shape: list[int] | None) -> tuple[Examples, Examples | None]:
    """The arrays of an .npz file: ``X`` and ``y``, or ``X_train``, ``y_train``, ``X_test`` and ``y_test``. Raises DataError."""
    try:
        with open(open_regular(path, follow=True), "rb") as file:
            with zipfile.ZipFile(file) as archive:
                need(2 * sum(entry.file_size for entry in archive.infolist()), str(path))
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                there = {name.lower(): arrays[name] for name in arrays.files}
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        reason = "holds Python objects" if "pickle" in str(error) else "is no .npz file of numpy.savez"
        raise DataError(f"{path}: {reason}") from None
    pairs = [("x", "y")] if {"x", "y"} <= there.keys() else [(f"x_{split}", f"y_{split}") for split in SPLITS]
    missing = [name for pair in pairs for name in pair if name not in there]
    if missing:
        raise DataError(
            f"{path}: must hold X and y, or X_train, y_train, X_test and y_test; it holds {', '.join(there) or 'nothing'}"
        )
    return of_numbers([(path, there[x], there[y]) for x, y in pairs], shape)


def of_tables(paths: list[Path], label: str, shape: list[int] | None) -> tuple[Examples, Examples | None]:
    """The rows of CSV files, of the second one the test examples. Raises DataError."""
    return of_numbers([(path, *of_table(path, label)) for path in paths], shape)


def of_table(path: Path, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and classes of a CSV file with a line of headings: the column ``label``, and a pixel in each other one. Raises
    DataError."""
    import pandas as pd  # comes with MLflow

    try:
        with open(open_regular(path, follow=True), "rb") as file:
            compression: Literal["gzip"] | None = "gzip" if file.read(2) == b"\x1f\x8b" else None
            file.seek(0)
            # a class may be called NA or None
            table = pd.read_csv(file, compression=compression, dtype={label: str}, keep_default_na=False, low_memory=False)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (ValueError, pd.errors.ParserError, EOFError) as error:
        raise DataError(f"{path}: is no table in CSV: {' '.join(str(error).split())}") from None
    if label not in table:
        raise DataError(f"{path}: has no column '{label}' (data.label); columns: {', '.join(map(str, table.columns[:10]))}")
    pixels = table.drop(columns=label)
    for column in pixels:
        numbers = pd.to_numeric(pixels[column], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().to_numpy().argmax())
            raise DataError(f"{path}: column '{column}' has no number in row {row + 2:,}")
    return pixels.to_numpy(), table[label].to_numpy(dtype=str)


def of_numbers(splits: list[tuple[Path, np.ndarray, np.ndarray]], shape: list[int] | None) -> tuple[Examples, Examples | None]:
    """One split or two, of a file's images and classes each, as bytes and names. Raises DataError.

    Pixels are from 0 to 255; or from 0 to 1, if none of any split is larger.
    """
    found = [(path, *checked(path, X, y, shape)) for path, X, y in splits]
    scale = 255 if max(largest(path, X) for path, X, _ in found) <= 1 else 1
    first, *rest = [Examples(as_bytes(X, scale), names) for _, X, names in found]
    return first, rest[0] if rest else None


def checked(path: Path, X: np.ndarray, y: np.ndarray, shape: list[int] | None) -> tuple[np.ndarray, NDArray[np.str_]]:
    """Images (n, height, width) and names of their classes (n,). Raises DataError."""
    if X.ndim == 4 and X.shape[3] == 1:
        X = X[..., 0]
    if X.ndim not in (2, 3) or y.ndim != 1:
        colours = "; colour images as X.reshape(n, height, -1)" if X.ndim == 4 else ""
        raise DataError(
            f"{path}: must hold images (n, height, width) or (n, pixels) and n classes, not {X.shape} and {y.shape}{colours}"
        )
    if len(X) != len(y):
        raise DataError(f"{path}: holds {len(X):,} images and {len(y):,} classes")
    height, width = sides(path, X.shape[1:], shape)
    nameless = np.isnan(y) if y.dtype.kind == "f" else y.astype(str) == ""
    if nameless.any():
        raise DataError(f"{path}: example {int(nameless.argmax()):,} has no class")
    if y.dtype.kind == "f" and (y == np.round(y)).all():
        y = y.astype(np.int64)  # 3, not 3.0
    names = y.astype(str)
    return X.reshape(len(X), height, width), names


def sides(path: Path, there: tuple[int, ...], shape: list[int] | None) -> tuple[int, int]:
    """Height and width of images of this shape: ``shape`` if it is given, else as they are, or square. Raises DataError."""
    if shape:
        height, width = shape
    elif len(there) == 2:
        height, width = there
    else:
        height = width = math.isqrt(there[0])
    if height * width != math.prod(there) or height * width == 0:
        found = size(there) if len(there) == 2 else f"{there[0]:,}"
        raise DataError(f"{path}: has images of {found} pixels: give height and width, as in 'data.shape=[28,28]'")
    return height, width


def largest(path: Path, X: np.ndarray) -> float:
    """The largest pixel; 0 where there is none. Raises DataError unless all are numbers from 0 to 255."""
    if X.dtype.kind not in "buif":
        raise DataError(f"{path}: the pixels must be numbers, not {X.dtype}")
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        raise DataError(f"{path}: some pixels are not finite numbers")
    least, most = (float(X.min()), float(X.max())) if X.size else (0.0, 0.0)
    if least < 0 or most > 255:
        raise DataError(f"{path}: pixels must lie from 0 to 255, or from 0 to 1; they lie from {least:g} to {most:g}")
    return most


def as_bytes(X: np.ndarray, scale: int) -> NDArray[np.uint8]:
    """The pixels times ``scale``, which brings them to 0 to 255."""
    if X.dtype == np.uint8:
        return X if scale == 1 else X * np.uint8(scale)
    return np.round(X if scale == 1 else X * float(scale)).astype(np.uint8)


_hashes: dict[tuple[object, ...], str] = {}
"""The hash of the files read last, as they were: a sweep's next run need not read them all again."""


def sha256_of(files: dict[str, Path]) -> str:
    """A hash of what the files hold and of what each is to the data set: its key here. Raises OSError."""
    stats = [path.stat() for path in files.values()]
    state = tuple(
        (*file, status.st_size, status.st_mtime_ns, status.st_ino) for file, status in zip(files.items(), stats, strict=True)
    )
    if state not in _hashes:
        digest = hashlib.sha256()
        for name, path in files.items():
            with open(open_regular(path, follow=True), "rb") as file:
                digest.update(f"{name}\0".encode(errors="surrogateescape"))
                digest.update(hashlib.file_digest(file, "sha256").digest())
        _hashes.clear()
        _hashes[state] = digest.hexdigest()
    return _hashes[state]
