"""IDX, the file format of MNIST: a header of big-endian sizes, then unsigned bytes; plain or compressed by gzip.

A file may come from anywhere, so nothing that it claims is believed before it is compared with what is really there: memory
stays within what the file's true length and `LIMIT` allow, and every fault is one DataError that names the file.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import DataError
from mnist_np.files import open_regular, read_regular
from mnist_np.memory import need

LIMIT = 1 << 32
"""Bytes that a file may hold, compressed or not: EMNIST, the largest of the family, holds 0.55 GB."""
PIECE = 1 << 20
"""Compressed bytes taken at a time: zlib would need twice the room for all at once."""
GZIP_RATIO = 1032
"""The most that a byte of deflate can expand to."""
KINDS = {1: "labels (IDX magic 0x00000801)", 3: "images (IDX magic 0x00000803)"}


@dataclass(frozen=True)
class IdxFile:
    """The array that a file holds, and the SHA-256 of the file's decompressed bytes."""

    array: NDArray[np.uint8]
    sha256: str


def fault(path: Path | str, expected: str, found: str) -> DataError:
    """The error of a file that is not what it should be."""
    return DataError(f"{path}: expected {expected}, found {found}")


def read_file(path: Path) -> bytes:
    """The file's bytes. Raises DataError for anything but a readable regular file of at most `LIMIT` bytes."""
    try:
        if (size := path.stat().st_size) <= LIMIT:
            need(size, str(path))
        return read_regular(path, LIMIT, follow=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or type(error).__name__}") from None


def hash_file(path: Path) -> bytes:
    """The SHA-256 of what `read_file` gives, without room for all of it."""
    try:
        with open(open_regular(path, follow=True), "rb") as file:
            if os.fstat(file.fileno()).st_size <= LIMIT:
                return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or type(error).__name__}") from None
    return hashlib.sha256(read_file(path)).digest()  # which refuses it


def decode(content: bytes, path: Path | str, dimensions: int) -> IdxFile:
    """The array (n,) of labels or (n, height, width) of images in an IDX file's ``content``; ``path`` is for messages.

    Raises DataError when the content is truncated, corrupted, too long, empty, or of another kind.
    """
    header_length = 4 + 4 * dimensions
    if content[:2] == b"\x1f\x8b":
        gunzip = Gunzip(content, path)
        header = bytes(gunzip.read(header_length))
        longest = len(content) * GZIP_RATIO
    else:
        gunzip = None
        header, longest = content[:header_length], len(content)
    shape = _shape(header, path, dimensions)
    size = header_length + prod(shape)
    if size > LIMIT:
        raise fault(path, f"at most {LIMIT:,} bytes", f"a header that announces {size:,} (shape {_x(shape)})")
    if size > longest:
        raise fault(path, f"{size:,} bytes, as the header announces (shape {_x(shape)})", f"at most {longest:,}")
    if gunzip:
        need(size, str(path))
    body: bytearray | memoryview = gunzip.read(size - header_length + 1) if gunzip else memoryview(content)[header_length:]
    if len(body) != size - header_length:
        found = f"{len(body) + header_length:,}" if len(body) < size - header_length or not gunzip else "more"
        raise fault(path, f"{size:,} bytes, as the header announces (shape {_x(shape)})", found)
    if gunzip:
        gunzip.finish()
    digest = hashlib.sha256(header)
    digest.update(body)
    return IdxFile(np.frombuffer(body, np.uint8).reshape(shape), digest.hexdigest())


def _shape(header: bytes, path: Path | str, dimensions: int) -> tuple[int, ...]:
    """The sizes that the header announces, all of them at least 1."""
    magic = 0x00000800 + dimensions
    if not header:
        raise fault(path, KINDS[dimensions], "an empty file")
    found = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and found != magic:
        other = KINDS.get(found - 0x800)
        raise fault(path, KINDS[dimensions], other or f"magic 0x{found:08x}")
    if len(header) < 4 + 4 * dimensions:
        raise fault(path, f"{KINDS[dimensions]} with a header of {4 + 4 * dimensions} bytes", f"{len(header)} bytes")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if 0 in shape:
        raise fault(path, "at least one example and one pixel", f"an empty set (shape {_x(shape)})")
    return shape


def _x(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)


class Gunzip:
    """Decompresses a gzip file's ``content`` piece by piece, never more than is asked for."""

    def __init__(self, content: bytes, path: Path | str) -> None:
        self.path, self.content, self.place = path, memoryview(content), 0
        self.stream = zlib.decompressobj(wbits=31)  # 31: a gzip header and trailer, whose CRC zlib checks

    def read(self, n: int) -> bytearray:
        """The next n bytes, or all that are left."""
        found = bytearray()
        while len(found) < n and not self.stream.eof:
            part = self.content[self.place : self.place + PIECE]
            try:
                piece = self.stream.decompress(part, n - len(found))
            except zlib.error as error:
                raise fault(self.path, "intact gzip data", f"corruption ({_reason(error)})") from None
            if not part and not piece:
                break
            found += piece
            left = self.stream.unused_data if self.stream.eof else self.stream.unconsumed_tail
            self.place += len(part) - len(left)
        return found

    def finish(self) -> None:
        """Check that the stream ends here, with the right checksum and nothing after it."""
        if not self.stream.eof:
            self.read(1)
        if not self.stream.eof:
            raise fault(self.path, "a complete gzip file", "one that ends too early")
        if more := len(self.content) - self.place:
            raise fault(self.path, "nothing after the gzip data", f"{more:,} more bytes")


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2] or str(error)
