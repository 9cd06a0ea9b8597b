"""Files that are written whole or not at all, and read only if they are regular files of a bounded size. And their paths.

A folder may come from anybody, so what lies in it is not opened blindly: a link may lead to a private file, a pipe or a device
has no end. Nothing here follows a link in the last part of a path unless it is asked to.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
"""To open a pipe that nobody writes to would otherwise take for ever."""
BINARY = getattr(os, "O_BINARY", 0)


def read_regular(path: Path, limit: int, follow: bool = False) -> bytes:
    """The content of a regular file of at most ``limit`` bytes.

    Args:
        path: The file.
        limit: Bytes that it may hold.
        follow: Whether it may be a link: for files that the user names, not for those within a folder.

    Raises:
        OSError: It is not there or not readable, or is something else or larger. ``strerror`` says which.
    """
    descriptor = open_regular(path, follow)
    with open(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        content = b""
        if size <= limit:  # what grows meanwhile, or tells no size (/proc), is read to the end, within the limit
            while len(content) <= limit and (part := file.read(min(limit, size) + 1)):
                content += part
                size = max(size, len(content))
    if size > limit:
        raise OSError(errno.EFBIG, f"holds {size:,} bytes, at most {limit:,} are allowed", str(path))
    return content


def open_regular(path: Path, follow: bool = False, writable: bool = False) -> int:
    """A descriptor of a regular file, to read it, or to change it too. Raises OSError as `read_regular` does."""
    try:
        descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | NONBLOCK | BINARY | (0 if follow else NOFOLLOW))
    except ValueError as error:  # a null byte in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise OSError(errno.ELOOP, "is a link", str(path)) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is a folder" if stat.S_ISDIR(mode) else "is a device or pipe", str(path))
    return descriptor


def write_atomically(path: Path, content: bytes | str, durable: bool = False) -> None:
    """Put ``content`` at ``path``: a reader sees the old file or the new one, never half of one.

    ``durable`` also waits until the disk has it (fsync), so that even a power cut leaves one of the two.
    Raises OSError naming ``path`` where it cannot be written (no room, no permission); the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode() if isinstance(content, str) else content
    try:
        temporary.unlink(missing_ok=True)
        with open(temporary, "xb") as file:  # a link of that name, put there by somebody else, is not written through
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise type(error)(error.errno, f"cannot write {len(data):,} bytes: {error.strerror}", str(path)) from error


def append(path: Path, text: str) -> None:
    """Add ``text`` to the file, all or none of it. Raises OSError naming ``path`` where it cannot. One process at a time."""
    data = text.encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | NOFOLLOW | NONBLOCK | BINARY, 0o666)
        try:
            before, left = os.fstat(descriptor).st_size, data
            try:
                while left:
                    left = left[os.write(descriptor, left) :]
            except OSError:
                with suppress(OSError):  # else what comes next would be a part of this line
                    os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {len(data):,} bytes: {error.strerror}", str(path)) from error


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has the names of ``folder``'s files too (Windows cannot be asked to)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def near(path: Path) -> str:
    """The path as short as it can be: from here, if it lies within."""
    here = os.path.relpath(path)
    return str(path) if here.startswith("..") else here
