"""Learning-rate schedules: functions of the step that give the share of the optimizer's ``lr`` to use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from mnist_np.component import Component


@dataclass
class Schedule(Component, ABC):
    """``schedule(step, steps, steps_per_epoch)`` is the factor by which ``optimizer.lr`` is multiplied at a step (from 0)."""

    group: ClassVar[str] = "schedule"

    @abstractmethod
    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The factor at ``step`` of ``steps`` in all."""


@dataclass
class Constant(Schedule):
    """Always the optimizer's own lr: factor 1."""

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return 1.0


SCHEDULES: dict[str, type[Schedule]] = {"constant": Constant}
