"""A folder with the four files of a data set in MNIST's format: found, checked against each other, and decoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_np.data import cache
from mnist_np.data.dataset import DataError, Decoded, Raw
from mnist_np.data.idx import decode, fault, hash_file, read_file

FILES = {"train-images-idx3-ubyte": 3, "train-labels-idx1-ubyte": 1, "t10k-images-idx3-ubyte": 3, "t10k-labels-idx1-ubyte": 1}
"""name -> dimensions: images and labels for training, then for the test."""

_keys: dict[tuple[object, ...], str] = {}
"""The cache's key of the files read last, as they were: so a sweep's next run need not read and hash 11 MB again (16 ms)."""


def load(folder: Path, n_classes: int | None = None, expected: Mapping[str, str] | None = None) -> Decoded:
    """The data set in ``folder``, decoded or from the cache. Raises DataError.

    Without ``n_classes`` there are as many as the largest training label says. ``expected`` are the SHA-256 of the
    decompressed files by name.
    """
    paths = [find(folder, name) for name in FILES]
    identity = (n_classes, *(_status(path) for path in paths))
    if identity in _keys and (held := cache.held(_keys[identity])):
        return held
    hashes = [hash_file(path) for path in paths]
    digest = hashlib.sha256(f"{cache.LAYOUT} {n_classes} {expected}".encode())
    for file_hash in hashes:
        digest.update(file_hash)
    _keys.clear()
    _keys[identity] = key = digest.hexdigest()[:32]
    return cache.fetch(key, lambda: _decode(paths, hashes, n_classes, expected or {}))


def _status(path: Path) -> tuple[Path, int, int, int] | None:
    """What changes when a file does; None where there is nothing to ask, which `read_file` explains."""
    try:
        status = path.stat()
    except OSError:
        return None
    return path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino


def find(folder: Path, name: str) -> Path:
    """The file ``name`` in ``folder``, plain or with .gz. Some publishers write a dot or a prefix of their own.

    Raises DataError when there is no such folder, or not exactly one such file in it.
    """
    if not folder.is_dir():
        raise DataError(f"data.folder = {folder}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists() or path.is_symlink():
            return path
    pattern = name.replace("-idx", "?idx")
    patterns = [f"*{p}{end}" for p in {pattern, pattern.replace("t10k", "test")} for end in ("", ".gz")]
    found = sorted(path for p in patterns for path in folder.glob(p))
    if len(found) != 1:
        several = f"several: {', '.join(path.name for path in found)}" if found else "no such file"
        raise fault(folder, f"one file {name} (or {name}.gz)", several)
    return found[0]


def _decode(paths: list[Path], hashes: list[bytes], n_classes: int | None, expected: Mapping[str, str]) -> Raw:
    files = []
    for path, file_hash, (name, dimensions) in zip(paths, hashes, FILES.items(), strict=True):
        content = read_file(path)
        if hashlib.sha256(content).digest() != file_hash:
            raise DataError(f"{path}: was changed while it was read")
        file = decode(content, path, dimensions)
        if expected.get(name, file.sha256) != file.sha256:
            raise fault(path, f"the original file (SHA-256 {expected[name]})", f"a changed one ({file.sha256})")
        files.append(file)
    train, labels, test, test_labels = (file.array for file in files)
    for i in (0, 2):
        n, m = len(files[i].array), len(files[i + 1].array)
        if n != m:
            raise fault(paths[i + 1], f"{n:,} labels, as there are images in {paths[i].name}", f"{m:,}")
    if train.shape[1:] != test.shape[1:]:
        raise fault(paths[2], f"images of {_by(train)} pixels as in {paths[0].name}", _by(test))
    n_classes = n_classes or int(labels.max()) + 1
    for path, values in ((paths[1], labels), (paths[3], test_labels)):
        if values.max() >= n_classes:
            place = int(np.argmax(values >= n_classes))
            raise fault(path, f"labels from 0 to {n_classes - 1}", f"{values[place]} at example {place:,}")
    if n_classes < 2:
        raise fault(paths[1], "at least two classes", "the label 0 only")
    sha256 = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
    return Raw(train, labels, test, test_labels, n_classes, sha256)


def _by(images: NDArray[np.uint8]) -> str:
    return f"{images.shape[1]} x {images.shape[2]}"
