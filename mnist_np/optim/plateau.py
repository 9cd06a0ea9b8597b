"""A schedule that watches a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_np.component import bounded, one_of
from mnist_np.optim.schedule import Schedule


@dataclass
class ReduceOnPlateau(Schedule):
    """Times gamma whenever ``metric`` has not become better, by more than ``min_delta``, for more than ``patience`` epochs.

    Then it waits ``cooldown`` epochs before it counts again, and it goes no lower than ``end``. The factor is a function of
    the history, so that a resumed training has the same.
    """

    metric: str = one_of("val/loss", "val/loss", "val/accuracy", "train/loss", "train/accuracy")
    gamma: float = bounded(0.1, gt=0, lt=1)
    patience: int = bounded(1, ge=0)
    min_delta: float = bounded(0.0001, ge=0)
    cooldown: int = bounded(0, ge=0)
    end: float = bounded(0.0, ge=0, le=1)

    @property
    def watches(self) -> str | None:
        return self.metric

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return 1.0

    def after_epoch(self, history: Sequence[dict[str, float]]) -> float:
        sign = 1 if self.metric.endswith("accuracy") else -1
        factor, best, waited, resting = 1.0, float("-inf"), 0, 0
        for epoch in history:
            value = sign * epoch[self.metric]
            if value > best + self.min_delta:
                best, waited = value, 0
            else:
                waited += 1
            if resting:
                resting, waited = resting - 1, 0
            if waited > self.patience:
                factor, waited, resting = max(self.end, factor * self.gamma), 0, self.cooldown
        return factor
