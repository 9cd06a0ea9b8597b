"""Whole numbers as arguments of commands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

from mnist_np.terminal import printable

PORTS = (1 << 16) - 1
"""The largest TCP port."""


def whole_number(most: int = (1 << 31) - 1) -> Callable[[str], int]:
    """For argparse's ``type``: a whole number from 1 to ``most``. Raises ArgumentTypeError."""
    digits = len(str(most))
    upto = f"from 1 to {most}" if most < 1 << 30 else "from 1 on"

    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or len(text) > digits or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"must be a whole number {upto}, not '{printable(text[:30])}'")
        return int(text)

    return number
