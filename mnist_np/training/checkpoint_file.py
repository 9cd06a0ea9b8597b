"""One checkpoint as one file: safetensors, with everything that is not an array as JSON in its header, and hashes of both."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mnist_np.files import write_atomically

KEY = "mnist_np.checkpoint"
"""The one key of the header's metadata. Its text is the SHA-256 of a JSON object, a space, and the object."""

FORMAT = 1

CONTENT = {"fingerprint": str, "config": dict, "data_sha256": str, "numerics": dict, "progress": dict, "arrays_sha256": str}
"""What the object holds beside the format's number."""

MAX_HEADER = 1 << 26
"""Bytes of a header: 64 MB are the history of 100,000 epochs."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be continued from. The message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read and found whole: ``about`` is JSON's, ``arrays`` are by dotted name."""

    path: Path
    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def write_checkpoint(path: Path, about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write the file, whole and safely on the disk, or not at all. Raises OSError naming path and size."""
    text = json.dumps(about | {"format": FORMAT, "arrays_sha256": digest(arrays)})
    write_atomically(path, save(arrays, {KEY: f"{hashlib.sha256(text.encode()).hexdigest()} {text}"}), durable=True)


def read_about(path: Path) -> dict[str, Any]:
    """What the header says, without the arrays: quick, however large the file is. Raises CheckpointError."""
    return _read(path, max_bytes=0)[0]


def read_checkpoint(path: Path, max_bytes: int) -> Checkpoint:
    """The whole file, checked against its hashes. Runs no code of it, and reads no arrays of more than ``max_bytes`` in all.

    Raises CheckpointError.
    """
    about, arrays = _read(path, max_bytes)
    return Checkpoint(path, about, arrays)


def _read(path: Path, max_bytes: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        header, size = int.from_bytes(_first(path, 8), "little"), path.stat().st_size
        if header > MAX_HEADER:
            raise ValueError(f"it claims a header of {header:,} bytes")
        if max_bytes and size > header + max_bytes:
            raise ValueError(f"it has {size:,} bytes, of which this run's could need {max_bytes:,} beside the header")
        with safe_open(path, "numpy") as file:
            about = _about((file.metadata() or {}).get(KEY, ""))
            arrays = {name: file.get_tensor(name) for name in file.keys()} if max_bytes else {}  # noqa: SIM118 (no dict)
        if max_bytes and digest(arrays) != about["arrays_sha256"]:
            raise ValueError("its arrays are not those that were written")
        return about, arrays
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint of this project: {error}") from None


def _first(path: Path, n: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(n)


def _about(text: str) -> dict[str, Any]:
    """The JSON object in the header. Raises ValueError."""
    sha256, _, content = text.partition(" ")
    if not content:
        raise ValueError("it was written by something else")
    if hashlib.sha256(content.encode()).hexdigest() != sha256:
        raise ValueError("its header is not the one that was written")
    about = json.loads(content)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"it is not of format {FORMAT}")
    for key, kind in CONTENT.items():
        if not isinstance(about.get(key), kind):
            raise ValueError(f"its '{key}' is missing")
    return about


def digest(arrays: dict[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays."""
    sha256 = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        sha256.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha256.update(array.data if array.size else b"")
    return sha256.hexdigest()
