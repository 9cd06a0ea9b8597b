"""How to train: the hyperparameters of the loop itself (config group ``training``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from mnist_np.component import Component, bounded, did_you_mean, one_of, without_effect
from mnist_np.training.metrics import METRICS


@dataclass
class Training(Component):
    """Length, batches and numerics of a training, what is added to or cut off its gradients, and which weights are kept."""

    group: ClassVar[str] = "training"
    epochs: int = bounded(10, ge=1)
    batch_size: int = bounded(64, ge=1)
    dtype: str = one_of("float32", "float32", "float64")
    select: str = one_of("val/accuracy", "val/accuracy", "val/loss", "last")
    patience: int | None = bounded(None, ge=1)
    min_delta: float = bounded(0.0, ge=0)
    l1: float = bounded(0.0, ge=0)
    l2: float = bounded(0.0, ge=0)
    clip_norm: float | None = bounded(None, gt=0)
    clip_value: float | None = bounded(None, gt=0)
    ema: float | None = bounded(None, gt=0, lt=1)
    swa_start: int | None = bounded(None, ge=1)
    mixup: float = bounded(0.0, ge=0)
    threads: Any = without_effect("auto")
    processes: int = bounded(1, ge=1, le=2)
    metrics: list[str] = without_effect(field(default_factory=list))
    diagnostics: Any = without_effect("off")
    checkpoint_every_epochs: int = without_effect(bounded(1, ge=0))
    checkpoint_every_steps: int = without_effect(bounded(0, ge=0))
    resume: str = without_effect("never")

    def check(self) -> None:
        if self.threads != "auto" and (type(self.threads) is not int or self.threads < 1):
            raise self.error("threads", self.threads, "must be auto or a whole number >= 1")
        if self.processes > 1 and self.threads not in ("auto", 1):
            raise self.error("threads", self.threads, "must be auto or 1 where training.processes > 1: each has one thread")
        self.diagnostics = "off" if self.diagnostics is False else self.diagnostics  # what YAML reads a bare off as
        if self.diagnostics not in ("off", "epoch") and (type(self.diagnostics) is not int or self.diagnostics < 1):
            raise self.error("diagnostics", self.diagnostics, "must be off, epoch, or a number of steps >= 1")
        for name in self.metrics:
            if name not in METRICS:
                hint = did_you_mean(name, list(METRICS))
                raise self.error("metrics", self.metrics, f"'{name}'? {hint}each must be one of {', '.join(METRICS)}")
        if self.patience is not None and self.select == "last":
            raise self.error("patience", self.patience, "needs a metric to watch: training.select must not be 'last'")
        if self.ema is not None and self.swa_start is not None:
            raise self.error("swa_start", self.swa_start, "the weights are averaged one way: training.ema must be null")
        if self.swa_start is not None and self.swa_start > self.epochs:
            raise self.error("swa_start", self.swa_start, f"must be an epoch of the training's {self.epochs}")
