"""How all figures look: quiet axes, and colours that colour-blind people can tell apart. No pyplot, so no global state."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F4FA8", "#6B6B6B")
"""Okabe and Ito's palette (Color Universal Design, 2008), its yellow and black replaced by a violet and a grey."""
ACCENT, MUTED, INK, FAINT = COLOURS[1], "#B8BDC4", "#22262B", "#E4E7EB"
SEQUENTIAL = "viridis"
"""For ordered values: even in lightness, so that it survives grey print too."""

RC: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # fixed: to look for a free place takes a third of the time of a drawing
    "axes.edgecolor": "#9AA1A9",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": "#5A6068",
    "ytick.color": "#5A6068",
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
}


def style() -> AbstractContextManager[None]:
    """``with style(): ...`` draws in the project's style and leaves matplotlib's settings as they were."""
    return mpl.rc_context(RC)  # type: ignore[arg-type]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure (sizes in inches) that lays its axes out by itself."""
    return Figure(figsize=(width, height), dpi=110, layout="constrained", facecolor="white")


def headline(figure: Figure, *lines: str) -> None:
    """Write the figure's title at its top left, each line broken where the figure is too narrow for it."""
    room = int(12.5 * figure.get_figwidth()) - 4
    text = "\n".join(textwrap.fill(line, room) for line in lines if line)
    figure.suptitle(text, x=0.08 / figure.get_figwidth(), ha="left", fontsize=11.5)


def slant(axes: Axes, labels: Iterable[str], room: float) -> None:
    """Write the x labels at an angle where the longest does not fit into ``room`` inches."""
    if max(map(len, labels), default=0) * 0.085 > room:
        axes.tick_params(axis="x", rotation=25)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def bare(axes: Axes) -> None:
    """Take spines and tick marks away, for what is a table rather than a plot."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


LONG = 26
"""Characters of a label before it is cut."""


def shorten(text: str, length: int = LONG) -> str:
    """``text`` with its middle left out where it is longer than ``length``: both ends tell values apart."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"
