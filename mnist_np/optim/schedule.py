"""Base class of all schedules of the learning rate, with a linear warm-up and a momentum ramp."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, inf, pi
from typing import ClassVar

from mnist_np.component import Component, bounded

LONGEST = 1e9
"""Epochs of a warm-up at most, so that its steps are a whole number."""


@dataclass
class Schedule(Component, ABC):
    """``schedule(step, steps, steps_per_epoch)`` is the factor by which ``optimizer.lr`` is multiplied at a step (from 0).

    Any schedule may begin with a linear warm-up of n steps (``warmup_steps`` or ``warmup_epochs``) with the factors 1/(n + 1),
    ..., n/(n + 1) of its first value. The schedule then covers the remaining steps, and its epochs count from there.

    With ``momentum_from``, the optimizer's momentum changes linearly from there to ``momentum_to`` over the first
    ``momentum_epochs`` (None: the whole training), as in Hinton et al. 2012 (.5 to .99 over 500 epochs).
    """

    group: ClassVar[str] = "schedule"

    warmup_steps: int = bounded(0, ge=0)
    warmup_epochs: float = bounded(0.0, ge=0)
    momentum_from: float | None = bounded(None, ge=0, lt=1)
    momentum_to: float = bounded(0.99, ge=0, lt=1)
    momentum_epochs: float | None = bounded(None, gt=0)

    def check(self) -> None:
        if self.warmup_steps and self.warmup_epochs:
            raise self.error("warmup_epochs", self.warmup_epochs, "schedule.warmup_steps is given already: set one of them to 0")

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The factor at a step.

        Args:
            step: the number of the step, from 0.
            steps: how many there are in all.
            steps_per_epoch: how many an epoch has.
        """
        warmup = self.warmup(steps_per_epoch)
        if step < warmup:
            return (step + 1) / (warmup + 1) * self.factor(0, max(1, steps - warmup), steps_per_epoch)
        return self.factor(step - warmup, steps - warmup, steps_per_epoch)

    def warmup(self, steps_per_epoch: int) -> int:
        """The number of steps of the warm-up."""
        return self.warmup_steps or round(min(self.warmup_epochs, LONGEST) * steps_per_epoch)

    def check_steps(self, steps_per_epoch: int) -> None:
        """Check what depends on how many steps an epoch has. Raises ConfigError."""

    @abstractmethod
    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The factor at ``step`` (from 0) of the ``steps`` after the warm-up."""

    def momentum(self, step: int, steps: int, steps_per_epoch: int) -> float | None:
        """The momentum at ``step``; None leaves the optimizer's own."""
        if self.momentum_from is None:
            return None
        ramp = steps if self.momentum_epochs is None else self.momentum_epochs * steps_per_epoch
        return between(self.momentum_from, self.momentum_to, min(1.0, step / ramp))

    @property
    def watches(self) -> str | None:
        """The metric that `after_epoch` reads, or None."""
        return None

    def after_epoch(self, history: Sequence[dict[str, float]]) -> float:
        """A second factor, from the metrics of all epochs so far: 1 unless the schedule watches a metric."""
        return 1.0


def between(start: float, end: float, share: float) -> float:
    """Linear interpolation: ``start`` at share 0, ``end`` at share 1."""
    return start + (end - start) * share


def power(base: float, exponent: int) -> float:
    """``base ** exponent``, infinite where that is too large for a float."""
    try:
        return float(base**exponent)
    except OverflowError:
        return inf


def cosine_between(start: float, end: float, share: float) -> float:
    """Interpolation along half a cosine: ``start`` at share 0, ``end`` at share 1, flat at both."""
    return end + (start - end) * (1 + cos(pi * share)) / 2
