"""Text for terminals: names and values that others chose are shown, and do nothing; a reader that leaves ends no work."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast


def printable(text: str) -> str:
    """``text`` with everything that a terminal would obey instead of show written as an escape: ``\\x1b[2J``.

    These are the control characters, those that change the direction of text, line separators and lone surrogates (a file's
    name that is not UTF-8), and line breaks too.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(n: int, noun: str) -> str:
    """``1 run``, ``2 runs``, ``1,024 runs``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def duration(seconds: float) -> str:
    """``4.2 s``, ``1:05`` or ``2:13:07``."""
    if round(seconds) < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def lenient_output() -> None:
    """Let standard output and error take any character: one that their encoding does not have is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_error(message: str) -> None:
    """Tell the user what went wrong, in a line of standard error or a few."""
    lines = "\n".join(map(printable, without_passwords(message).split("\n")))
    sys.stderr.write(f"error: {lines}\n")  # at once, unlike print's: of two processes the lines would mix
    sys.stderr.flush()


def without_passwords(text: str) -> str:
    """A text with ``***`` for the password of each URL in it."""
    return re.sub(r"(://[^\s/:@]*:)[^\s@]*@", r"\1***@", text)


GONE = (errno.EPIPE, errno.EIO)
"""What writing raises after a pipe's reader has ended or a terminal was closed."""


class LastingStream:
    """A text stream that drops what is written after its reader has left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        """Send what is still buffered, and all that follows, nowhere: by the descriptor, since Python itself flushes at exit.

        Raises ``error`` if it is of another kind, such as a full disk.
        """
        if error.errno not in GONE:
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def lasting_output() -> Iterator[None]:
    """Within the context `sys.stdout` and `sys.stderr` outlive their readers, as in ``mnist-np train | head -3``, and take any
    character."""
    lenient_output()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, LastingStream(stream)) if stream else stream for stream in before)
    try:
        yield
        for stream in (sys.stdout, sys.stderr):
            if stream:
                stream.flush()  # while the pipe may still break without harm
    finally:
        sys.stdout, sys.stderr = before
