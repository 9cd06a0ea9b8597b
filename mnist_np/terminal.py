"""Text for terminals: names and values that others chose are shown, and do nothing."""

from __future__ import annotations

import io
import sys


def printable(text: str) -> str:
    """``text`` with everything that a terminal would obey instead of show written as an escape: ``\\x1b[2J``.

    These are the control characters, those that change the direction of text, line separators and lone surrogates (a file's
    name that is not UTF-8), and line breaks too.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def lenient_output() -> None:
    """Let standard output and error take any character: one that their encoding does not have is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_error(message: str) -> None:
    """Tell the user what went wrong, in a line of standard error or a few."""
    print("error: " + "\n".join(map(printable, message.split("\n"))), file=sys.stderr)
