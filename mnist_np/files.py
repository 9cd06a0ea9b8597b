"""Files that are whole or not there: written under another name beside the target, then renamed over it. And their paths."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes | str, durable: bool = False) -> None:
    """Put ``content`` at ``path``: a reader sees the old file or the new one, never half of one.

    ``durable`` also waits until the disk has it (fsync), so that even a power cut leaves one of the two.
    Raises OSError naming ``path`` where it cannot be written (no room, no permission); the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(temporary, "wb") as file:
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
    """Add ``text`` to the file. Raises OSError naming ``path`` where it cannot; a part of the text may be there then."""
    try:
        with open(path, "a", newline="") as file:
            file.write(text)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {len(text.encode()):,} bytes: {error.strerror}", str(path)) from error


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
