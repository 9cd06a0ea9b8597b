"""Arrays and metadata in one safetensors file with a checksum. No pickle; reading runs no code.

What is said is one JSON object in the header. It carries the SHA-256 of itself and of the arrays, so that a flipped bit is
found, and the header is read and checked before any array is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mnist_np.component import JsonDict, UserError
from mnist_np.files import write_atomically

KEY = "mnist_np"
"""The only key of the metadata: several would be written in an arbitrary order, and equal content shall be equal files."""

MAX_HEADER = 1 << 26
"""Bytes of a header: 64 MB hold the history of 100,000 epochs."""

MAX_BYTES = 1 << 33
"""Bytes of a file: 8 GB are two billion weights, a thousand times more than any network for small images needs."""

Arrays = dict[str, np.ndarray]


class TensorFileError(UserError):
    """A file that is not what `write_tensors` wrote. The message names the file and what is wrong with it."""


@dataclass(frozen=True)
class TensorFile:
    """A file whose header was read and is in order: ``about`` is what it says, ``shapes`` those of its arrays."""

    path: Path
    about: JsonDict
    shapes: dict[str, tuple[int, ...]]
    sha256: str

    @property
    def content_sha256(self) -> str:
        """Of header and arrays, as the header claims it; `arrays` checks it."""
        return hashlib.sha256(canonical(self.about) + self.sha256.encode()).hexdigest()

    @property
    def n_numbers(self) -> int:
        """How many numbers the arrays have in all."""
        return sum(map(prod, self.shapes.values()))

    def arrays(self) -> Arrays:
        """The arrays by name. Raises TensorFileError if they are not those that were written."""
        try:
            with safe_open(self.path, "numpy") as file:
                arrays = {name: file.get_tensor(name) for name in self.shapes}
        except UNREADABLE as error:
            raise TensorFileError(f"{self.path}: its arrays cannot be read: {error}") from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # safetensors' where memory runs out: no Exception, and not importable
                raise
            raise TensorFileError(f"{self.path}: its arrays cannot be read: memory ran out") from None
        if digest(arrays) != self.sha256:
            raise TensorFileError(f"{self.path}: damaged: its arrays are not those that were written")
        return arrays


UNREADABLE = (OSError, SafetensorError, ValueError, TypeError, AttributeError, RecursionError, MemoryError)
"""What reading a foreign or damaged file can raise."""


def write_tensors(path: Path, about: dict[str, object], arrays: Arrays, durable: bool = False) -> None:
    """Write the file whole or not at all. Raises OSError naming path and size."""
    hashes = {"about": hashlib.sha256(canonical(about)).hexdigest(), "arrays": digest(arrays)}
    write_atomically(path, save(arrays, {KEY: json.dumps(about | {"sha256": hashes})}), durable)


def open_tensors(path: Path, max_header: int = MAX_HEADER) -> TensorFile:
    """Read the header, which is quick, however large the file is. Raises TensorFileError."""
    if not path.is_file():
        raise TensorFileError(f"{path}: there is no such file")
    try:
        size, header = path.stat().st_size, header_length(path)
        if size > MAX_BYTES or header > max_header:
            raise ValueError(f"it claims {size:,} bytes, {header:,} of them for its header")
        with safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dictionary)
        if text is None:
            raise ValueError("it was written by another program")
        about = json.loads(text)
        hashes = about.pop("sha256")
        if hashlib.sha256(canonical(about)).hexdigest() != hashes["about"]:
            raise ValueError("damaged: its header is not the one that was written")
        return TensorFile(path, about, shapes, str(hashes["arrays"]))
    except (*UNREADABLE, KeyError) as error:
        raise TensorFileError(f"{path}: not a whole file of this project: {error}") from None


def header_length(path: Path) -> int:
    """The length of the header as the file's first eight bytes state it."""
    with open(path, "rb") as file:
        return int.from_bytes(file.read(8), "little")


def canonical(about: dict[str, object]) -> bytes:
    """The one text that stands for a JSON object."""
    return json.dumps(about, sort_keys=True).encode()


def digest(arrays: Arrays) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays."""
    sha256 = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        sha256.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha256.update(array.data if array.size else b"")
    return sha256.hexdigest()
