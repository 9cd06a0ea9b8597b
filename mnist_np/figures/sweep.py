"""All figures of a sweep."""

from __future__ import annotations

import logging
from collections.abc import Callable

from matplotlib.figure import Figure

from mnist_np.figures.sweep_curves import learning_curves
from mnist_np.figures.sweep_effects import main_effects
from mnist_np.figures.sweep_heatmap import heat_map
from mnist_np.figures.sweep_importance import importances
from mnist_np.figures.sweep_parallel import parallel_coordinates
from mnist_np.sweep.report import SweepReport

log = logging.getLogger(__name__)

FIGURES: dict[str, Callable[[SweepReport], Figure | None]] = {
    "learning_curves": learning_curves,
    "parallel_coordinates": parallel_coordinates,
    "heat_map": heat_map,
    "main_effects": main_effects,
    "importance": importances,
}


def sweep_figures(report: SweepReport) -> dict[str, Figure]:
    """Those of `FIGURES` that this sweep has something to show in. One that cannot be drawn is reported, and left out."""
    drawn = {}
    for name, draw in FIGURES.items():
        try:
            figure = draw(report)
        except Exception as error:
            log.exception("the sweep's figure %s could not be drawn: %s", name, error)
            continue
        if figure is not None:
            drawn[name] = figure
    return drawn
