"""A search's journal: a file to which each operation on its studies is appended, as a line of JSON. Imports Optuna.

Processes on several machines may append to it, on a file system that they share. Optuna's own locks are files that a killed
process leaves behind. A lock of the kernel on the journal itself (flock) ends with its process, and over NFS it makes the client
look at the file anew. A line that a process was killed in the middle of is cut off by the next one that appends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages.journal import BaseJournalBackend

from mnist_np.files import open_regular

FIRST = b'{"op_code":0,'
"""How a journal begins: with a new study."""

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Journal(BaseJournalBackend):
    """The journal at ``path``, as Optuna reads it and appends to it. An empty one is made where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number = self._offset = 0
        """Lines that were read, and the bytes that they take."""
        if not path.exists():
            path.touch()

    def read_logs(self, log_number_from: int) -> list[dict[str, object]]:
        """The operations from the given one on. Raises ValueError where the file is no journal."""
        if log_number_from != self._number:
            self._number = self._offset = 0
        with self._locked(writable=False) as descriptor, open(descriptor, "rb", closefd=False) as file:
            file.seek(self._offset)
            content = file.read()
        if not self._offset and not content.startswith(FIRST[: len(content)]):
            raise ValueError("it begins with no study")
        lines = content.split(b"\n")[:-1]  # what follows the last is being written, or was given up
        logs = [self._parsed(line, self._number + i) for i, line in enumerate(lines) if self._number + i >= log_number_from]
        self._number += len(lines)
        self._offset += sum(map(len, lines)) + len(lines)
        return logs

    def append_logs(self, logs: list[dict[str, object]]) -> None:
        """Append operations, and wait until the disk has them. Where they cannot be written the journal stays as it was."""
        content = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._locked(writable=True) as descriptor, open(descriptor, "r+b", buffering=0, closefd=False) as file:
            end = end_of_lines(file.fileno())
            file.truncate(end)
            file.seek(end)
            try:
                while content:
                    content = content[file.write(content) :]
                os.fsync(descriptor)
            except OSError:
                file.truncate(end)
                raise

    @contextmanager
    def _locked(self, writable: bool) -> Iterator[int]:
        """A descriptor of the file, which nobody changes meanwhile, nor reads if it is ``writable``. Errors name it."""
        try:
            descriptor = open_regular(self.path, writable=writable)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX if writable else fcntl.LOCK_SH)
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            hint = " (its file system has no locks: see sweep.search.storage)" if error.errno in NO_LOCKS else ""
            raise OSError(error.errno, f"{error.strerror}{hint}", str(self.path)) from error

    def _parsed(self, line: bytes, number: int) -> dict[str, object]:
        try:
            found: dict[str, object] = json.loads(line)
        except ValueError:
            raise ValueError(f"line {number + 1} is not JSON") from None
        return found


def end_of_lines(descriptor: int) -> int:
    """Where the last whole line of a file ends."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    return os.pread(descriptor, size, 0).rfind(b"\n") + 1
