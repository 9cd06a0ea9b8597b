"""The figure of the page of results: published errors and ours, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from matplotlib.ticker import NullFormatter

from mnist_np.figures.run import save_png
from mnist_np.figures.style import COLOURS, INK, SECONDARY, headline, new_figure, style

COLOUR = {"PASS": COLOURS[2], "CLOSE": COLOURS[4], "MISS": COLOURS[1]}


@dataclass(frozen=True)
class Compared:
    """A published error with its sd, and ours: all in percent; and the verdict."""

    title: str
    published: float
    sd: float
    errors: Sequence[float]
    verdict: str


def draw(rows: Sequence[Compared], path: Path) -> None:
    """Draw the rows from the top down, and write the figure to ``path``."""
    with style():
        figure = new_figure(9.5, 1.5 + 0.34 * len(rows))
        axes = figure.add_subplot()
        for y, row in enumerate(rows):
            colour = COLOUR.get(row.verdict, SECONDARY)
            axes.plot(row.errors, [y] * len(row.errors), "o", color=colour, ms=3.5, alpha=0.55, zorder=3)
            axes.plot(fmean(row.errors), y, "|", color=colour, ms=15, mew=2.5, zorder=4)
            axes.errorbar(
                row.published, y, xerr=2 * row.sd or None, fmt="D", color=INK, mfc="none", ms=7, capsize=3, lw=1, zorder=2
            )
        axes.plot([], [], "D", color=INK, mfc="none", ms=7, label="published (bar: 2 sd, where stated)")
        for verdict, colour in COLOUR.items():
            if any(row.verdict == verdict for row in rows):
                axes.plot([], [], "o", color=colour, ms=5, label=f"ours, each seed and mean: {verdict}")
        if any(row.verdict not in COLOUR for row in rows):
            axes.plot([], [], "o", color=SECONDARY, ms=5, label="ours, too few seeds for a verdict")
        axes.set(xscale="log", ylim=(len(rows) - 0.4, -0.6), yticks=range(len(rows)), xlabel="error in %, logarithmic")
        axes.set_yticklabels([row.title for row in rows])
        values = [value for row in rows for value in (row.published, *row.errors)]
        ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100) if min(values) / 1.5 <= tick <= max(values) * 1.5]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="both")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8.5)  # the labels leave room on the left
        headline(figure, "Published errors and ours")
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(figure, path)
