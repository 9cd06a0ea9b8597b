"""The figures of a sweep, by the names of their files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from matplotlib.figure import Figure

from mnist_np.component import OUTSIDE
from mnist_np.figures.style import as_png
from mnist_np.figures.sweep.curves import learning_curves, overview
from mnist_np.figures.sweep.effects import main_effects
from mnist_np.figures.sweep.heatmap import heat_map
from mnist_np.figures.sweep.importance import importances
from mnist_np.figures.sweep.interactions import interactions
from mnist_np.figures.sweep.parallel import parallel_coordinates
from mnist_np.figures.sweep.pareto import pareto_front
from mnist_np.files import write_atomically
from mnist_np.sweep.report import SweepReport

log = logging.getLogger(__name__)

FIGURES: dict[str, Callable[[SweepReport], Figure | None]] = {
    "learning_curves": learning_curves,
    "overview": overview,
    "pareto_front": pareto_front,
    "parallel_coordinates": parallel_coordinates,
    "heat_map": heat_map,
    "main_effects": main_effects,
    "interactions": interactions,
    "importance": importances,
}


def draw(report: SweepReport, folder: Path | None = None) -> dict[str, bytes]:
    """Every figure for which the sweep has data, as PNG by name, written into ``folder`` too; those that fail are logged."""
    drawn = {name: as_png(figure) for name, figure in figures(report)}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in drawn.items():
            write_atomically(folder / f"{name}.png", png)
    return drawn


def figures(report: SweepReport) -> Iterator[tuple[str, Figure]]:
    """The figures by name."""
    for name, figure in FIGURES.items():
        try:
            drawn = figure(report)
        except Exception as error:
            cause = None if isinstance(error, OUTSIDE) else error
            log.error("the sweep's figure '%s' could not be drawn: %s", name, str(error) or type(error).__name__, exc_info=cause)
            continue
        if drawn is not None:
            yield name, drawn
