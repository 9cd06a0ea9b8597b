"""Schedules that rise as well as fall: restarts and the one-cycle policy."""

from __future__ import annotations

from dataclasses import dataclass

from mnist_np.component import bounded
from mnist_np.optim.schedule import Schedule, cosine_between


@dataclass
class CosineRestarts(Schedule):
    """end + (peak - end)(1 + cos(pi t)) / 2, t from 0 to 1 within each cycle: a cosine's fall, again and again (SGDR:
    Loshchilov & Hutter 2017).

    The first cycle is ``period`` epochs long, each next one ``growth`` times as long; its peak is 1, then ``fade``, fade^2, ...
    """

    period: float = bounded(2.0, gt=0)
    growth: float = bounded(1.0, ge=1)
    fade: float = bounded(1.0, gt=0, le=1)
    end: float = bounded(0.0, ge=0, le=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        since, length, peak = step / steps_per_epoch, self.period, 1.0
        while since >= length:
            since, length, peak = since - length, length * self.growth, peak * self.fade
        return cosine_between(max(peak, self.end), self.end, since / length)


@dataclass
class OneCycle(Schedule):
    """From ``start`` up to 1 over the share ``rise`` of the training, then down to ``end``, each along half a cosine (Smith &
    Topin 2018).

    With ``momentum_from``, the momentum mirrors it: from there down to ``momentum_to`` at the peak, and back up.
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
        return self.cycle(self.momentum_from, self.momentum_to, self.momentum_from, step / max(1, steps - 1))

    def cycle(self, start: float, peak: float, end: float, t: float) -> float:
        """The value at time t, which runs from 0 to 1."""
        if t < self.rise:
            return cosine_between(start, peak, t / self.rise)
        return cosine_between(peak, end, (t - self.rise) / (1 - self.rise))
