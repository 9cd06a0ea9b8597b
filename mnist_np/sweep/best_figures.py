"""The figures of a sweep's best run, drawn when the sweep is over."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mnist_np.component import UserError
from mnist_np.storage.saved_run import SavedRun
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.run_config import RunConfig
from mnist_np.terminal import printable, without_passwords
from mnist_np.tracking.store import Store


def draw_best(report: SweepReport, config: RunConfig, console: Console, store: Store | None) -> None:
    """Draw them with ``tracking.figures=auto``, unless they are there. What goes wrong is printed, and fails no sweep.

    ``store`` is that of the sweep, if it is tracked. A run that was taken from elsewhere may be in another one.
    """
    best = report.best
    if config.tracking.figures != "auto" or best is None or (best.folder / "figures").exists():
        return
    from mnist_np.tracking.later_figures import draw_figures  # imports matplotlib

    try:
        run = SavedRun(best.folder.name, best.folder)
        _, problem = draw_figures(run, Path(config.outputs), None if best.linked else store)
    except (UserError, OSError) as error:
        problem = f"the best run's figures are missing: {error}"
    if problem:
        console.print(printable(without_passwords(problem)), soft_wrap=True, markup=False, highlight=False)
