"""The figures of a sweep's best run, drawn when the sweep is over."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mnist_np.component import UserError
from mnist_np.storage.saved_run import SavedRun
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.run_config import RunConfig


def draw_best(report: SweepReport, config: RunConfig, console: Console) -> None:
    """Draw them with ``tracking.figures=auto``, unless they are there. What goes wrong is printed, and fails no sweep."""
    best = report.best
    if config.tracking.figures != "auto" or best is None or (best.folder / "figures").exists():
        return
    from mnist_np.tracking.later_figures import draw_figures  # imports matplotlib

    try:
        draw_figures(SavedRun(best.folder.name, best.folder), Path(config.outputs))
    except (UserError, OSError) as error:
        console.print(f"the best run's figures are missing: {error}", soft_wrap=True, markup=False, highlight=False)
