"""The training loop: mini-batch gradient descent over epochs, telling observers what happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from mnist_np.data.augment import Augment, NoAugment
from mnist_np.data.batches import batches_of
from mnist_np.data.dataset import Dataset
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.optim.optimizers import Optimizer
from mnist_np.optim.schedules import Schedule
from mnist_np.streams import Streams
from mnist_np.training.divergence import check_loss, check_step, check_weights
from mnist_np.training.evaluation import evaluate, n_correct
from mnist_np.training.events import EpochEnd, Observers, StepEnd, StopTraining
from mnist_np.training.progress import Best, Progress
from mnist_np.training.settings import Training


@dataclass
class Trainer:
    """All that one training needs, and `fit`, which runs it. ``interrupted`` says whether somebody asked to stop (and how)."""

    network: Network
    data: Dataset
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    training: Training
    streams: Streams
    observers: Observers
    interrupted: Callable[[], str | None] = lambda: None
    augment: Augment = field(default_factory=NoAugment)

    def __post_init__(self) -> None:
        self.batches = batches_of(self.data, self.training.batch_size, self.augment)
        self.steps = self.training.epochs * len(self.batches)

    def begin(self) -> Progress:
        """The progress of a training that has not begun."""
        return Progress(optimizer=self.optimizer.init(self.network.params, self.network.slots))

    def fit(self, progress: Progress) -> Progress:
        """Train from where ``progress`` stands to the end, or until stopped; ``progress.status`` says which."""
        try:
            while progress.epoch < self.training.epochs:
                self.train_epoch(progress)
                self.end_epoch(progress)
            progress.status = "finished"
        except StopTraining as stop:
            progress.status, progress.reason = stop.status, str(stop)
        self.observers.stop(progress)
        return progress

    def train_epoch(self, progress: Progress) -> None:
        """One pass over the training set, from batch ``progress.batch`` on."""
        began = perf_counter()
        network, step_rng = self.network, self.stream("dropout", progress)
        with closing(self.batches.epoch(self.streams, progress.epoch, progress.batch)) as batches:
            for batch in batches:
                if reason := self.interrupted():
                    raise StopTraining("killed", reason)
                X = batch.X.astype(network.dtype, copy=False)
                loss = network.loss_and_gradients(X, batch.Y, self.loss, step_rng)
                lr = self.lr(progress.step)
                check_step(network, loss, lr, progress)
                self.optimizer.step(progress.optimizer, network.params, network.grads, lr, network.slots)
                network.constrain()
                progress.loss_sum += loss * len(batch)
                progress.n_correct += n_correct(network.workspace(len(batch)).outputs[-1], batch.Y)
                progress.n_seen += len(batch)
                progress.batch += 1
                progress.step += 1
                if self.observers.of_steps:
                    self.observers.step(StepEnd(progress.step, loss, lr, network, len(batch)))
        progress.seconds += perf_counter() - began

    def stream(self, name: str, progress: Progress) -> np.random.Generator:
        """The stream ``name`` of this epoch, drawn from step by step: where the epoch is resumed, it goes on from there."""
        return progress.generators.setdefault(name, self.streams(name, progress.epoch))

    def lr(self, step: int) -> float:
        """The learning rate of a step (from 0)."""
        return self.optimizer.lr * self.schedule(step, self.steps, len(self.batches))

    def end_epoch(self, progress: Progress) -> None:
        """Validate, keep the best weights, and tell the observers."""
        check_weights(self.network, self.lr(progress.step - 1), progress)
        metrics = {
            "train/loss": progress.loss_sum / progress.n_seen,
            "train/accuracy": progress.n_correct / progress.n_seen,
            "lr": self.lr(progress.step - 1),
            "time/epoch_s": progress.seconds,
        }
        if len(self.data.val):
            validation = evaluate(self.network, self.data.val, self.loss)
            check_loss("validation", validation.loss, progress.epoch + 1)
            metrics |= {"val/loss": validation.loss, "val/accuracy": validation.accuracy}
        progress.epoch += 1
        progress.generators.clear()
        progress.batch, progress.loss_sum, progress.n_correct, progress.n_seen, progress.seconds = 0, 0.0, 0, 0, 0.0
        progress.history.append({"epoch": progress.epoch} | metrics)
        if self.is_best(metrics, progress.best):
            progress.best = Best(progress.epoch, metrics, self.network.params.copy(), self.network.state.copy())
        self.observers.epoch(EpochEnd(progress.epoch, metrics, self.network, progress))

    def is_best(self, metrics: dict[str, float], best: Best | None) -> bool:
        """Whether these metrics beat the best so far: strictly, so that of equal epochs the first is kept."""
        key = self.training.select
        if best is None or key == "last" or key not in metrics:
            return True
        sign = -1 if key == "val/loss" else 1
        return sign * metrics[key] > sign * best.metrics[key]
