"""Schedules that rise as well as fall: restarts and the one-cycle policy."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, floor, log, log1p

from mnist_np.component import bounded
from mnist_np.optim.schedule import Schedule, cosine_between

ROUNDING = 1e-9
"""Of a cycle: a step that is this near to a restart is at it."""


@dataclass
class CosineRestarts(Schedule):
    """end + (peak - end)(1 + cos(pi t)) / 2, t from 0 to 1 within each cycle: a cosine's fall, again and again (SGDR:
    Loshchilov & Hutter 2017).

    The first cycle is ``period`` epochs long, each next one ``growth`` times as long; its peak is 1, then ``fade``, fade^2, ...
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
        """How many cycles fit into so many epochs: x with length(x) = epochs."""
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
    """From ``start`` up to 1 over the share ``rise`` of the training, then down to ``end``, each along half a cosine (Smith &
    Topin 2018).

    With ``momentum_from``, the momentum mirrors it: from there down to ``momentum_to`` at the peak, and back up. In a warm-up
    before the cycle it stays at ``momentum_from``.
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
