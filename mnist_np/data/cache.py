"""Decoded data sets, kept in the user's cache folder so that every run but the first maps them instead of decoding them.

A file holds the rows of the training and the test split (`ByteSplit`; 800 bytes a row for MNIST, 56 MB). It is mapped
read-only: loading costs no memory of one's own, and all processes of a sweep share its pages. It is found by the content that
it was made from, written under a lock into a temporary file and renamed, and its size and a checksum are compared at every
use, so that a damaged one is made anew. Without a folder to write to, all goes on in memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.byte_split import ByteSplit
from mnist_np.data.dataset import CHUNK, Decoded, Raw
from mnist_np.files import open_regular
from mnist_np.machine import release_pages
from mnist_np.memory import need

log = logging.getLogger(__name__)

LAYOUT = 7
"""Part of every key: to be counted up when the layout of the files or rows changes."""
HEADER = 4096
"""Bytes before the rows: a JSON object and spaces. One page, so that the rows can be mapped."""
LARGEST = 2 << 30
"""Bytes of the largest set that is cached. Larger ones are decoded each time, rather than fill the user's disk."""
TOTAL = 2 << 30
"""Bytes that the cache may hold; the files used longest ago go first."""
TIMEOUT = 60
"""Seconds to wait for another process that is writing."""

_last: dict[str, Decoded] = {}
"""The set that this process used last: its next run need not even check the file."""


def cache_folder() -> Path | None:
    """Where decoded and downloaded data are kept: MNIST_NP_CACHE, or mnist-np in the user's cache folder. None if "off"."""
    chosen = os.environ.get("MNIST_NP_CACHE")
    if chosen:
        return None if chosen == "off" else Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # there is no home folder
        return (Path(base) if base else Path.home() / ".cache") / "mnist-np"
    return None


def fetch(key: str, decode: Callable[[], Raw]) -> Decoded:
    """The data set that ``decode`` gives, from the cache if it is there. ``key`` is a hash of all that it is made from."""
    if key not in _last:
        found = _fetch(key, decode)
        _last.clear()
        _last[key] = found
    return _last[key]


def held(key: str) -> Decoded | None:
    """The data set with that key, if it is the one that this process used last."""
    return _last.get(key)


def _fetch(key: str, decode: Callable[[], Raw]) -> Decoded:
    folder, raw = cache_folder(), None
    if folder and is_private(folder):
        path = folder / f"{key}.rows"
        if found := read(path, key):
            return found
        from filelock import FileLock, Timeout  # only a first use needs it

        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(folder / ".lock", timeout=TIMEOUT):
                found = read(path, key)  # another process may have written it meanwhile
                if not found:
                    raw = decode()
                    write(path, key, raw)
                    found = read(path, key)
            if found:
                return found
        except (OSError, Timeout) as error:
            log.info("decoded data are not cached in %s: %s", folder, error)
    return in_memory(raw or decode())


def is_private(folder: Path) -> bool:
    """Whether nobody else can write to the folder, if it is there. Says so if somebody can: it is not used then."""
    try:
        mine = written_by_me(folder.stat())
    except OSError:
        return True  # it is not there yet
    if not mine:
        log.warning("%s is not used as a cache: others may write to it (chmod go-w, or another MNIST_NP_CACHE)", folder)
    return mine


def written_by_me(status: os.stat_result) -> bool:
    """Whether only this user, or root, can have written a file or folder."""
    return not hasattr(os, "geteuid") or (status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022)


def read(path: Path, key: str) -> Decoded | None:
    """Map a cached data set; None if there is none, if it is not what was written or if others can have written it."""
    try:
        with open(open_regular(path), "rb") as file:
            status = os.fstat(file.fileno())
            if not written_by_me(status):
                return None
            return mapped(file, status.st_size, key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def mapped(file: BinaryIO, size: int, key: str) -> Decoded | None:
    """The data set in an open file of ``size`` bytes; None if it is not what was written."""
    header = json.loads(file.read(HEADER))
    n, n_train, n_features, n_classes = (header[k] for k in ("n", "n_train", "n_features", "n_classes"))
    width = ByteSplit.width(n_features, n_classes)
    if header["key"] != key or size != HEADER + n * width:
        return None
    rows = np.memmap(file, np.uint8, "r", HEADER, (n, width)).view(np.ndarray)
    if header.pop("checksum") != checksum(header, rows):
        return None
    with suppress(OSError):
        os.utime(file.fileno())  # it was used now
    train, test = (ByteSplit(part, n_features, n_classes) for part in (rows[:n_train], rows[n_train:]))
    return Decoded(train, test, tuple(header["image_shape"]), header["sha256"], tuple(header["class_names"]))


def write(path: Path, key: str, raw: Raw) -> None:
    """Write ``raw`` to ``path``, atomically, and make room for it. Raises OSError. The caller holds the lock."""
    n, n_features = len(raw.labels) + len(raw.test_labels), raw.images[0].size
    if n * ByteSplit.width(n_features, raw.n_classes) > LARGEST:
        raise OSError(f"{raw.sha256[:8]}... is larger than {LARGEST:,} bytes")
    header: dict[str, object] = {"key": key, "n": n, "n_train": len(raw.labels), "n_features": n_features}
    header |= {"n_classes": raw.n_classes, "image_shape": list(raw.images.shape[1:]), "sha256": raw.sha256}
    header["class_names"] = list(raw.class_names)
    for left_over in path.parent.glob("*.tmp"):  # by a process that was killed here: the lock says that nobody writes
        left_over.unlink()
    handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b" " * HEADER)
            sums = []
            for rows in packed(raw):
                file.write(rows.data)
                sums.append(row_sums(rows))
            file.seek(0)
            header["checksum"] = _digest(header, np.concatenate(sums))
            file.write(json.dumps(header).encode())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _make_room(path)


def packed(raw: Raw) -> Iterator[NDArray[np.uint8]]:
    """All rows in order, some at a time."""
    for images, labels in ((raw.images, raw.labels), (raw.test_images, raw.test_labels)):
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            yield ByteSplit.pack(images[part].reshape(len(labels[part]), -1), labels[part], raw.n_classes).rows


def in_memory(raw: Raw) -> Decoded:
    """The same without a cache."""
    n_features, n_train = raw.images[0].size, len(raw.labels)
    n = n_train + len(raw.test_labels)
    need(n * ByteSplit.width(n_features, raw.n_classes), "the data set")
    rows = ByteSplit.empty(n, n_features, raw.n_classes).rows
    start = 0
    for part in packed(raw):
        rows[start : start + len(part)] = part
        start += len(part)
    train, test = (ByteSplit(part, n_features, raw.n_classes) for part in (rows[:n_train], rows[n_train:]))
    height, width = raw.images.shape[1:]
    return Decoded(train, test, (height, width), raw.sha256, raw.class_names)


def release(rows: np.ndarray) -> None:
    """Tell the system that these rows, if they are those of a mapped file, need not stay in this process's memory."""
    base = rows.base
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and not rows.flags.writeable:
        start = rows.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        release_pages(base, first, start + rows.nbytes - first)


def row_sums(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A sum of each row's words times odd numbers (n,), modulo 2^64: a changed word changes it, and so do exchanged ones.

    At the speed of memory; a hash of all bytes would take 0.3 s for MNIST.
    """
    words = rows.view(np.uint64)
    sums: NDArray[np.uint64] = words @ np.arange(1, 2 * words.shape[1], 2, dtype=np.uint64)
    return sums


def checksum(header: dict[str, object], rows: NDArray[np.uint8]) -> str:
    """Tells damaged files from whole ones. It does not protect against a program that can write as this user."""
    sums = []
    for start in range(0, len(rows), CHUNK):
        sums.append(row_sums(rows[start : start + CHUNK]))
        release(rows[start : start + CHUNK])
    return _digest(header, np.concatenate(sums))


def _digest(header: dict[str, object], sums: NDArray[np.uint64]) -> str:
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode() + sums.tobytes()).hexdigest()


def _make_room(newest: Path) -> None:
    """Remove the files used longest ago until `TOTAL` bytes are left, but never ``newest``."""
    with suppress(OSError):
        files = sorted(newest.parent.glob("*.rows"), key=lambda path: path.stat().st_mtime, reverse=True)
        held = 0
        for path in files:
            held += path.stat().st_size
            if held > TOTAL and path != newest:
                path.unlink()
