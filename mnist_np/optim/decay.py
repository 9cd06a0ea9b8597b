"""Schedules that only fall: with the epochs, or over the length of the training."""

from __future__ import annotations

from dataclasses import dataclass

from mnist_np.component import bounded
from mnist_np.optim.schedule import Schedule, between, cosine_between, power


@dataclass
class Constant(Schedule):
    """The optimizer's own lr throughout: factor 1."""

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return 1.0


@dataclass
class Step(Schedule):
    """gamma^floor(epoch / every): times gamma every so many epochs (times .3 every 100: Simard, Steinkraus & Platt 2003)."""

    gamma: float = bounded(0.3, gt=0)
    every: int = bounded(5, ge=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return power(self.gamma, step // steps_per_epoch // self.every)


@dataclass
class MultiStep(Schedule):
    """gamma^(number of milestones reached): times gamma at each of the given epochs (after that many epochs)."""

    gamma: float = bounded(0.1, gt=0)
    milestones: list[int] = bounded([6, 9], ge=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return power(self.gamma, sum(step // steps_per_epoch >= milestone for milestone in self.milestones))


@dataclass
class Exponential(Schedule):
    """gamma^epoch, and no less than ``end`` (.997 per epoch: Ciresan, Meier, Gambardella & Schmidhuber 2010).

    With ``staircase`` it falls at each epoch's end, without it with every step.
    """

    gamma: float = bounded(0.9, gt=0, le=1)
    end: float = bounded(0.0, ge=0, le=1)
    staircase: bool = True

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        epoch = step // steps_per_epoch if self.staircase else step / steps_per_epoch
        return max(self.end, float(self.gamma**epoch))


@dataclass
class InverseTime(Schedule):
    """1 / (1 + rate * epoch)^power; power 1 is Robbins & Monro's (1951), power 1/2 the inverse square root.

    With ``staircase`` it falls at each epoch's end, without it with every step.
    """

    rate: float = bounded(0.5, ge=0)
    power: float = bounded(1.0, gt=0)
    staircase: bool = False

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        epoch = step // steps_per_epoch if self.staircase else step / steps_per_epoch
        return float((1 + self.rate * epoch) ** -self.power)


@dataclass
class Polynomial(Schedule):
    """end + (1 - end)(1 - t)^power, t from 0 to 1 over the training, or over ``epochs`` if given, of which the share ``hold``
    is spent at 1 first. power 1 is linear (held for .67: Rasmus, Valpola, Honkala, Berglund & Raiko 2015).
    """

    power: float = bounded(1.0, gt=0)
    end: float = bounded(0.0, ge=0, le=1)
    hold: float = bounded(0.0, ge=0, lt=1)
    epochs: float | None = bounded(None, gt=0)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        t = passed(step, self.epochs * steps_per_epoch if self.epochs else steps, self.hold)
        return between(self.end, 1.0, (1 - t) ** self.power)


@dataclass
class Cosine(Schedule):
    """end + (1 - end)(1 + cos(pi t)) / 2, t from 0 to 1 over the training, or over ``epochs`` if given, of which the share
    ``hold`` is spent at 1 first (Loshchilov & Hutter 2017)."""

    end: float = bounded(0.0, ge=0, le=1)
    hold: float = bounded(0.0, ge=0, lt=1)
    epochs: float | None = bounded(None, gt=0)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        t = passed(step, self.epochs * steps_per_epoch if self.epochs else steps, self.hold)
        return cosine_between(1.0, self.end, t)


def passed(step: int, length: float, hold: float) -> float:
    """How far a step is, from 0 to 1, through what of ``length`` follows the share ``hold``."""
    return min(1.0, max(0.0, (step / length - hold) / (1 - hold)))
