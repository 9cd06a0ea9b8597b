"""Early stopping: enough epochs without a better validation metric."""

from __future__ import annotations

from collections.abc import Sequence

from mnist_np.experiment import Training
from mnist_np.training.events import StopTraining


def stop_early(training: Training, history: Sequence[dict[str, float]]) -> None:
    """Raise StopTraining, with status ``finished``, when patience has run out. A function of the history alone, so that a
    resumed training stops where the uninterrupted one did."""
    if training.patience is None:
        return
    waited = epochs_without_progress([epoch[training.select] for epoch in history], training)
    if waited >= training.patience:
        by = f" by more than {training.min_delta:g}" if training.min_delta else ""
        raise StopTraining("finished", f"stopped early: {training.select} has not improved{by} for {waited} epochs")


def epochs_without_progress(values: Sequence[float], training: Training) -> int:
    """How many epochs ago the metric last became better than ever before by more than ``min_delta``."""
    sign = -1 if training.select == "val/loss" else 1
    best, waited = float("-inf"), 0
    for value in values:
        if sign * value > best + training.min_delta:
            best, waited = sign * value, 0
        else:
            waited += 1
    return waited
