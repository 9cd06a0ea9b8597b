"""The figures of a run, by the names of their files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from mnist_np.component import OUTSIDE
from mnist_np.figures.augmented import augmented
from mnist_np.figures.confusion import confusion_matrix
from mnist_np.figures.first_layer import first_layer
from mnist_np.figures.layers import layers
from mnist_np.figures.learning_curves import learning_curves
from mnist_np.figures.predictions import confident_mistakes, predictions
from mnist_np.figures.reliability import reliability
from mnist_np.figures.style import as_png
from mnist_np.files import write_atomically

if TYPE_CHECKING:
    from mnist_np.training.result import Result

log = logging.getLogger(__name__)

FIGURES: dict[str, Callable[[Result], Figure]] = {
    "learning_curves": learning_curves,
    "predictions": predictions,
    "confusion_matrix": confusion_matrix,
    "confident_mistakes": confident_mistakes,
    "first_layer": first_layer,
    "reliability": reliability,
}
"""The figures of every run; `figures_of` adds those that only some have."""


def figures_of(result: Result) -> dict[str, Callable[[Result], Figure]]:
    """The figures of this run."""
    some = {"augmented": augmented} if result.experiment.augment.active else {}
    return FIGURES | some | ({"layers": layers} if result.diagnostics else {})


def draw(result: Result, folder: Path) -> None:
    """Draw every figure into ``folder`` as PNG, the others too if one fails.

    Raises OSError, after the last, naming those that failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for name, figure in figures_of(result).items():
        try:
            save_png(figure(result), folder / f"{name}.png")
        except Exception as error:
            failures.append(f"the figure '{name}' could not be drawn: {str(error) or type(error).__name__}")
            if not isinstance(error, OUTSIDE):
                log.exception(failures[-1])
    if failures:
        raise OSError("; ".join(failures))


def save_png(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path``."""
    write_atomically(path, as_png(figure))
