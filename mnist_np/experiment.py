"""An experiment as data: the model, how it is trained and on what. Describes, and trains nothing itself.

from mnist_np import MLP, Experiment, run

result = run(Experiment(model=MLP(hidden=[256, 128]), seed=3))
print(result.test.accuracy)
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from mnist_np.component import Component, ConfigError, added, bounded, counted_as, did_you_mean, one_of, without_effect
from mnist_np.data.augment import Augment, NoAugment
from mnist_np.data.dataset import Dataset
from mnist_np.data.source import Data
from mnist_np.data.sources import MNIST
from mnist_np.memory import amount, available
from mnist_np.metrics import METRICS
from mnist_np.nn.activation import Activation
from mnist_np.nn.activations import ReLU
from mnist_np.nn.initializers import Auto, Initializer
from mnist_np.nn.losses import CrossEntropy, Loss
from mnist_np.nn.mlp import MLP
from mnist_np.nn.network import Network
from mnist_np.optim.optimizers import SGD, Optimizer
from mnist_np.optim.schedule import Schedule
from mnist_np.optim.schedules import Constant
from mnist_np.streams import Streams


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
    vat: float = added(bounded(0.0, ge=0))
    vat_weight: float = added(bounded(1.0, gt=0))
    vat_steps: int = added(bounded(1, ge=1))
    vat_xi: float = added(bounded(0.01, gt=0))
    engine: str = without_effect(one_of("fast", "fast", "textbook"))
    threads: Any = without_effect("auto")
    processes: Any = counted_as("auto", auto=1)
    metrics: list[str] = without_effect(field(default_factory=list))
    diagnostics: Any = without_effect("off")
    checkpoint_every_epochs: int = without_effect(bounded(1, ge=0))
    checkpoint_every_steps: int = without_effect(bounded(0, ge=0))
    resume: str = without_effect("never")

    def check(self) -> None:
        if self.threads != "auto" and (type(self.threads) is not int or self.threads < 1):
            raise self.error("threads", self.threads, "must be auto or a whole number >= 1")
        if self.processes != "auto" and (type(self.processes) is not int or self.processes not in (1, 2)):
            raise self.error("processes", self.processes, "must be auto, 1 or 2")
        if self.processes == 2 and self.threads not in ("auto", 1):
            raise self.error("threads", self.threads, "must be auto or 1 where training.processes = 2: each has one thread")
        if self.processes == 2 and self.engine != "fast":
            raise self.error("processes", self.processes, f"must be 1 where training.engine = {self.engine}")
        self.diagnostics = "off" if self.diagnostics is False else self.diagnostics  # what YAML reads a bare off as
        if self.diagnostics not in ("off", "epoch") and (type(self.diagnostics) is not int or self.diagnostics < 1):
            raise self.error("diagnostics", self.diagnostics, "must be off, epoch, or a number of steps >= 1")
        if self.patience is not None and self.select == "last":
            raise self.error("patience", self.patience, "needs a metric to watch: training.select must not be 'last'")
        if self.ema is not None and self.swa_start is not None:
            raise self.error("swa_start", self.swa_start, "the weights are averaged one way: training.ema must be null")
        if self.swa_start is not None and self.swa_start > self.epochs:
            raise self.error("swa_start", self.swa_start, f"must be an epoch of the training's {self.epochs}")

    def check_metrics(self) -> None:
        """Refuse metrics that there are not. Apart from `check`, since a saved network can be used without its run's plugins."""
        for name in self.metrics:
            if name not in METRICS:
                hint = did_you_mean(name, list(METRICS))
                raise self.error("metrics", self.metrics, f"'{name}'? {hint}each must be one of {', '.join(METRICS)}")


@dataclass
class Experiment(Component):
    """Everything that determines a run's result, but for the data's bytes and rounding (see `training.mode`)."""

    model: MLP = field(default_factory=MLP)
    activation: Activation = field(default_factory=ReLU)
    init: Initializer = field(default_factory=Auto)
    loss: Loss = field(default_factory=CrossEntropy)
    optimizer: Optimizer = field(default_factory=SGD)
    schedule: Schedule = field(default_factory=Constant)
    data: Data = field(default_factory=MNIST)
    augment: Augment = field(default_factory=NoAugment)
    training: Training = field(default_factory=Training)
    seed: int = bounded(0, ge=0)

    def load_data(self) -> Dataset:
        """The data, split and preprocessed; the subset of ``data.train_size`` drawn from the ``split`` stream of the seed."""
        return self.data.load(Streams(self.seed)("split"))

    def check(self) -> None:
        for group in (f.name for f in fields(Experiment) if f.name != "seed"):
            value = getattr(self, group)
            if not (isinstance(value, Component) and value.group == group):
                raise self.error(group, value, f"must be a component of the group {group}, as Adam(lr=0.001) is of optimizer")
        optimizer, training, kind = self.optimizer, self.training, type(self.optimizer).__name__
        for key in ("clip_norm", "clip_value"):
            if optimizer.full_batch and getattr(training, key) is not None:
                raise training.error(key, getattr(training, key), f"must be null: {kind}'s line search needs the true gradient")
        if training.vat and optimizer.full_batch:
            raise training.error("vat", training.vat, f"must be 0: {kind}'s line search needs a loss without random directions")
        if training.vat and type(self.loss).probabilities is not Loss.probabilities:
            other = type(self.loss).__name__
            raise training.error(
                "vat", training.vat, f"must be 0 with {other}: needs probabilities by softmax, as cross_entropy has"
            )
        for key in ("ema", "swa_start"):
            if optimizer.averages and getattr(training, key) is not None:
                raise training.error(key, getattr(training, key), f"must be null: {kind} averages the weights by itself")
        if self.schedule.momentum_from is not None and not optimizer.ramps_momentum:
            raise self.schedule.error(
                "momentum_from", self.schedule.momentum_from, f"must be null: {kind} has no momentum to ramp"
            )

        tiny = float(np.finfo(training.dtype).smallest_subnormal)
        for part in (optimizer, self.model):
            for key in ("eps", "norm_epsilon"):
                if (value := getattr(part, key, None)) is not None and value < tiny:
                    raise part.error(key, value, f"is 0 in training.dtype={training.dtype}: must be >= {tiny:.2g}")

    def check_norms(self) -> None:
        """Refuse norms of the model that would not do what they are for, with this optimizer or batch size. Apart from `check`,
        since networks that were trained before they were refused can still be used."""
        model, optimizer, training, kind = self.model, self.optimizer, self.training, type(self.optimizer).__name__
        limits = model.max_norm if isinstance(model.max_norm, list) else [model.max_norm]
        if any(limits) and (optimizer.full_batch or optimizer.averages):
            reason = "updates are made without it" if optimizer.full_batch else "means are of weights without it"
            raise model.error("max_norm", model.max_norm, f"must be null: {kind}'s {reason}")
        if model.norm == "batch" and optimizer.full_batch and model.norm_momentum:
            reason = "passes are over the whole training set, and the last one's statistics are exact"
            raise model.error("norm_momentum", model.norm_momentum, f"must be 0: {kind}'s {reason}")
        if model.norm == "batch" and training.batch_size == 1 and not optimizer.full_batch:
            raise training.error("batch_size", 1, "must be >= 2 with model.norm=batch: one example has no variance")

    def check_memory(self, data: Dataset) -> None:
        """Raise ConfigError where the training on ``data`` would certainly take more memory than there is.

        Counted are the weights with their gradients, an optimizer's memory of the same size and the best ones so far, the
        random numbers that the largest layer is drawn from, and the outputs and gradients of a batch's layers.
        """
        shapes = self.weight_shapes(data.n_features, data.n_classes)
        sizes, weights = [data.n_features, *(n_out for _, n_out in shapes)], [n_in * n_out for n_in, n_out in shapes]
        number = np.dtype(self.training.dtype).itemsize
        m = self.batch_size(data)
        needed = 4 * number * sum(weights) + 8 * max(weights) + 2 * number * m * sum(sizes)
        if needed > (there := available()):
            allowed = f"this network's training takes at least {amount(needed)} of memory, and {amount(there)} are free"
            if self.activation.pieces > 1:
                raise self.activation.error("pieces", self.activation.pieces, allowed)
            raise self.model.error("hidden", self.model.hidden, allowed)

    def batch_size(self, data: Dataset) -> int:
        """The examples of a step: as many as the key says and there are; all of them with an optimizer of whole batches."""
        n = len(data.train)
        return n if self.optimizer.full_batch else min(self.training.batch_size, n)

    def weight_shapes(self, n_in: int, n_out: int) -> list[tuple[int, int]]:
        """The shapes of the weight matrices of the network for ``n_in`` inputs and ``n_out`` classes, without building it."""
        return self.model.weight_shapes(n_in, n_out, self.activation)

    def build_network(self, n_in: int, n_out: int, drawn: bool = True) -> Network:
        """The untrained network, its weights drawn from the ``init`` stream of the seed; or zero, to be loaded.

        Raises ConfigError if the weights drawn are not finite.
        """
        rng = Streams(self.seed)("init") if drawn else None
        with np.errstate(over="ignore"):  # refused below
            network = self.model.build(n_in, n_out, rng, self.activation, self.init, self.training.dtype)
        if drawn and not np.isfinite(network.params).all():
            raise ConfigError("init", self.init, f"the initial weights are not finite in {self.training.dtype}")
        network.probabilities = self.loss.probabilities
        return network
