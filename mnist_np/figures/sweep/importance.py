"""Importance of a sweep's params as bars."""

from __future__ import annotations

from matplotlib.figure import Figure

from mnist_np.figures.style import COLOURS, MUTED, headline, new_figure, shorten, style
from mnist_np.sweep.importance import importance
from mnist_np.sweep.report import SweepReport

RELIABLE = 0.3
"""R² on left-out runs below which the bars are grey: the forest has fitted noise."""


def importances(report: SweepReport) -> Figure | None:
    """A bar for each varied param. None if there are too few runs or params."""
    found = importance(report)
    if found is None:
        return None
    with style():
        figure = new_figure(7.2, 1.7 + 0.42 * len(found.keys))
        axes = figure.subplots()
        places = range(len(found.keys))
        colour = COLOURS[0] if found.r2 >= RELIABLE else MUTED
        axes.barh(places, found.means, xerr=found.sds, color=colour, height=0.62, error_kw={"ecolor": "#5A6068", "lw": 1})
        axes.set_yticks(places, [shorten(key, 34) for key in found.keys])
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.set_xlabel(f"R² lost when the param is shuffled\n(random forest on ranks of {report.column})")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        trust = f"R² on left-out runs: {found.r2:.2f}" + (" (not reliable)" if found.r2 < RELIABLE else "")
        axes.set_title(trust, fontweight="normal")
        headline(figure, f"{shorten(report.name, 60)}: importance of params")
    return figure
