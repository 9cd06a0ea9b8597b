"""All schedules, and the table of their names in YAML and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, floor, log, log1p

from mnist_np.component import bounded, one_of
from mnist_np.optim.schedule import Schedule, between, cosine_between, power

ROUNDING = 1e-9
"""Part of a cycle: a step this close to a restart counts as the restart."""


@dataclass
class Constant(Schedule):
    """The factor 1: the learning rate is always ``optimizer.lr``."""

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return 1.0


@dataclass
class Step(Schedule):
    """gamma^floor(epoch / every): times gamma after every ``every`` epochs (.3 every 100: Simard, Steinkraus & Platt 2003)."""

    gamma: float = bounded(0.3, gt=0)
    every: int = bounded(5, ge=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return power(self.gamma, step // steps_per_epoch // self.every)


@dataclass
class MultiStep(Schedule):
    """gamma^(number of milestones reached): times gamma after each of the given numbers of epochs."""

    gamma: float = bounded(0.1, gt=0)
    milestones: list[int] = bounded([6, 9], ge=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return power(self.gamma, sum(step // steps_per_epoch >= milestone for milestone in self.milestones))


@dataclass
class Exponential(Schedule):
    """gamma^epoch, at least ``end`` (.997 per epoch: Ciresan, Meier, Gambardella & Schmidhuber 2010).

    With ``staircase`` it changes at the end of each epoch, else at every step.
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

    With ``staircase`` it changes at the end of each epoch, else at every step.
    """

    rate: float = bounded(0.5, ge=0)
    power: float = bounded(1.0, gt=0)
    staircase: bool = False

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        epoch = step // steps_per_epoch if self.staircase else step / steps_per_epoch
        return float((1 + self.rate * epoch) ** -self.power)


@dataclass
class Polynomial(Schedule):
    """end + (1 - end)(1 - t)^power, where t is 0 for the fraction ``hold`` and then goes to 1 over the rest of training, or of
    ``epochs`` if given. power 1 is linear (held for .67: Rasmus, Valpola, Honkala, Berglund & Raiko 2015).
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
    """end + (1 - end)(1 + cos(pi t)) / 2, where t is 0 for the fraction ``hold`` and then goes to 1 over the rest of training,
    or of ``epochs`` if given (Loshchilov & Hutter 2017)."""

    end: float = bounded(0.0, ge=0, le=1)
    hold: float = bounded(0.0, ge=0, lt=1)
    epochs: float | None = bounded(None, gt=0)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        t = passed(step, self.epochs * steps_per_epoch if self.epochs else steps, self.hold)
        return cosine_between(1.0, self.end, t)


def passed(step: int, length: float, hold: float) -> float:
    """How far a step is, from 0 to 1, through the part of ``length`` that follows the fraction ``hold``."""
    return min(1.0, max(0.0, (step / length - hold) / (1 - hold)))


@dataclass
class CosineRestarts(Schedule):
    """end + (peak - end)(1 + cos(pi t)) / 2, t from 0 to 1 within each cycle: cosine decay with warm restarts (SGDR: Loshchilov
    & Hutter 2017).

    The first cycle has ``period`` epochs, each next one ``growth`` times as many. The peaks are 1, ``fade``, fade^2, ...
    """

    period: float = bounded(2.0, gt=0)
    growth: float = bounded(1.0, ge=1, le=1000)
    fade: float = bounded(1.0, gt=0, le=1)
    end: float = bounded(0.0, ge=0, le=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        epoch = step / steps_per_epoch
        n = floor(self.cycles(epoch) + ROUNDING)
        share = (epoch - self.length(n)) / (self.length(n + 1) - self.length(n))
        return cosine_between(max(self.fade**n, self.end), self.end, max(0.0, share))

    def cycles(self, epochs: float) -> float:
        """The number of cycles, with a fraction, in so many epochs: x with length(x) = epochs."""
        if self.growth == 1:
            return epochs / self.period
        return log1p(epochs / self.period * (self.growth - 1)) / log(self.growth)

    def length(self, n: int) -> float:
        """The epochs of the first n cycles: period (1 + growth + ... + growth^(n - 1))."""
        if self.growth == 1:
            return n * self.period
        return self.period * expm1(n * log(self.growth)) / (self.growth - 1)

    def check_steps(self, steps_per_epoch: int) -> None:
        if self.period * steps_per_epoch < 1 - ROUNDING:
            raise self.error("period", self.period, f"must be at least one step, which is 1/{steps_per_epoch} of an epoch")


@dataclass
class OneCycle(Schedule):
    """From ``start`` to 1 during the fraction ``rise`` of the training, then to ``end``, each along half a cosine (Smith & Topin
    2018).

    With ``momentum_from``, the momentum goes from there to ``momentum_to`` at the peak and back. During a warm-up before the
    cycle it stays at ``momentum_from``.
    """

    rise: float = bounded(0.3, ge=0, lt=1)
    start: float = bounded(0.04, ge=0, le=1)
    end: float = bounded(0.0001, ge=0, le=1)
    momentum_to: float = bounded(0.85, ge=0, lt=1)

    def check(self) -> None:
        super().check()
        if self.momentum_epochs is not None:
            raise self.error("momentum_epochs", self.momentum_epochs, "must be null: the momentum follows the one cycle")

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return self.cycle(self.start, 1.0, self.end, step / max(1, steps - 1))

    def momentum(self, step: int, steps: int, steps_per_epoch: int) -> float | None:
        if self.momentum_from is None:
            return None
        warmup = self.warmup(steps_per_epoch)
        t = max(0, step - warmup) / max(1, steps - warmup - 1)
        return self.cycle(self.momentum_from, self.momentum_to, self.momentum_from, t)

    def cycle(self, start: float, peak: float, end: float, t: float) -> float:
        """The value at time t, which runs from 0 to 1."""
        if t < self.rise:
            return cosine_between(start, peak, t / self.rise)
        return cosine_between(peak, end, (t - self.rise) / (1 - self.rise))


@dataclass
class ReduceOnPlateau(Schedule):
    """Times gamma when ``metric`` has not improved by more than ``min_delta`` for more than ``patience`` epochs.

    After a reduction it ignores the next ``cooldown`` epochs. The factor is at least ``end``. It is a function of the history, so
    that a resumed training has the same.
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


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "multi_step": MultiStep,
    "exponential": Exponential,
    "inverse_time": InverseTime,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "cosine_restarts": CosineRestarts,
    "one_cycle": OneCycle,
    "reduce_on_plateau": ReduceOnPlateau,
}
