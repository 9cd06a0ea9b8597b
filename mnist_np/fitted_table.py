"""Tables for a terminal of any width: numbers stay whole, and what cannot be shown is left out and named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mnist_np.notebook import in_notebook

WIDE = 120
"""Characters of a line where the output is no terminal and COLUMNS does not say."""

WORDS, PARTS = re.compile(r"[^ ]+"), re.compile(r"[^ /._]+[/._]*|[/._]+")
"""Where the name of a column may be broken: at spaces, and after the parts of a key."""

SPREAD = 3
"""Means lose their standard deviations together with the columns of this value of ``optional``."""

WIDER = ((WORDS, None), (PARTS, None), (PARTS, 24))
WAYS = (WIDER, (*WIDER, (PARTS, 16), (PARTS, 12), (PARTS, 8)))
"""How names are broken, and words of how many characters, with less and less room; the second when spreads are left out."""


def wide_console() -> Console:
    """As wide as the terminal, or `WIDE`; plain lines in a notebook, where each would be a display of its own."""
    terminal = False if in_notebook() else None
    console = Console(force_jupyter=False, force_terminal=terminal)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=WIDE, force_jupyter=False, force_terminal=terminal)


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: what stands above it.
        cells: its texts.
        is_words: whether it holds words, which may be broken anywhere, and no numbers.
        optional: 0 if it is always shown; of the others the least is left out first.
    """

    name: str
    cells: Sequence[str]
    is_words: bool = False
    optional: int = 0


def fitted_table(
    columns: Sequence[Column], width: int, bold_first: bool = False, title: str | None = None, caption: str = ""
) -> Table:
    """A table for lines of ``width`` characters. ``caption`` is a line of text below it, ``title`` one above it.

    Where it is too wide, names are broken first, then long words; then columns are left out, and standard deviations.
    """
    last = max([SPREAD, *(column.optional for column in columns)])
    for level, (names, longest) in [(i, way) for i in range(1 + last) for way in WAYS[i >= SPREAD]]:
        whole = [column for column in columns if not 0 < column.optional <= level]
        kept = whole if level < SPREAD else [without_spread(column) for column in whole]
        widths = [width_of(column, names, longest) for column in kept]
        if sum(widths) + 3 * len(widths) + 1 <= width:  # a space at each side, and lines between them
            break
    spreads = level >= SPREAD and any(" ± " in cell for column in whole for cell in column.cells)
    out = [column.name for column in columns if 0 < column.optional <= level] + ["standard deviations"] * spreads
    lines = [escape(line) for line in (caption, f"left out for want of room: {', '.join(out)}" if out else "") if line]
    table = Table(title=title, title_justify="left", caption="\n".join(lines) or None, caption_justify="left")
    for column, n in zip(kept, widths, strict=True):
        name = escape(broken(column.name, n))
        if column.is_words:
            table.add_column(name, overflow="fold", max_width=n)  # where nothing helps, words give way and numbers stay whole
        else:
            table.add_column(name, justify="right", width=n)
    for i in range(len(kept[0].cells) if kept else 0):
        table.add_row(*(escape(column.cells[i]) for column in kept), style="bold" if bold_first and i == 0 else None)
    return table


def markdown_table(header: Sequence[object], rows: Iterable[Sequence[object]], end: str = "") -> str:
    """A table in Markdown, in which ``end`` follows each cell."""
    lines = [[re.sub(r"(?<!\\)\|", r"\|", f"{cell}{end}") for cell in row] for row in [header, *rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], ["---"] * len(header), *lines[1:]])


def without_spread(column: Column) -> Column:
    """The means alone, of means and standard deviations."""
    cells = [cell if column.is_words else cell.partition(" ± ")[0] for cell in column.cells]
    return column._replace(name=column.name.removesuffix(" ± sd"), cells=cells)


def width_of(column: Column, names: re.Pattern[str], longest: int | None) -> int:
    """Characters that a column needs, where ``names`` finds the parts of names that stay whole; words of more than ``longest``
    characters are broken."""
    needed = max(map(len, column.cells), default=0)
    if column.is_words and longest:
        needed = min(needed, longest)
    return max(1, needed, *map(len, names.findall(column.name)))


def broken(name: str, width: int) -> str:
    """A name in lines of at most ``width`` characters, as far as its parts allow, broken at spaces before all else."""
    lines: list[str] = []
    for word in name.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
            continue
        lines.append("")
        for part in PARTS.findall(word):
            if lines[-1] and len(lines[-1]) + len(part) > width:
                lines.append("")
            lines[-1] += part
    return "\n".join(lines)
