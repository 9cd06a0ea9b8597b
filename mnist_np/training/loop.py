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
from mnist_np.experiment import Training
from mnist_np.metrics import Predictions, measure
from mnist_np.nn.arrays import Array
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.optim.optimizer import Objective, Optimizer
from mnist_np.optim.schedules import Schedule
from mnist_np.streams import Streams
from mnist_np.training.averaging import average_epoch, average_step, chosen_weights, start_average
from mnist_np.training.divergence import check_loss, check_step, check_weights
from mnist_np.training.evaluation import evaluate, n_correct
from mnist_np.training.events import EpochEnd, Observers, StepEnd, StopTraining
from mnist_np.training.layout import laid_out, undone
from mnist_np.training.mixup import Mixup
from mnist_np.training.penalty import Penalty, clip
from mnist_np.training.progress import Best, Progress
from mnist_np.training.stopping import stop_early


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
        self.require_validation()
        batch_size = len(self.data.train) if self.optimizer.full_batch else self.training.batch_size
        self.batches = batches_of(self.data, batch_size, self.augment)
        self.steps = self.training.epochs * len(self.batches)
        mixup = self.training.mixup
        self.mixup = Mixup(mixup, self.data.train, self.batches.batch_size) if mixup else None
        self.penalty = Penalty(self.training, self.network)
        self.folds_lr = self._folds_lr()

    def require_validation(self) -> None:
        """Raise ConfigError if something watches a validation metric and there is no validation split."""
        needed = "needs a validation split: data.validation_size must be > 0"
        if not len(self.data.val) and self.training.patience is not None:
            raise self.training.error("patience", self.training.patience, needed)
        if not len(self.data.val) and (self.schedule.watches or "").startswith("val/"):
            raise self.schedule.error("metric", self.schedule.watches, needed)

    def _folds_lr(self) -> bool:
        """Whether lr goes into dZ, the smallest array there is, instead of being multiplied with all gradients.

        That takes 6 % off a step of 32 examples and 128 units. It needs a step that is lr times the gradient as it comes.
        """
        changed = self.penalty.active or self.training.clip_value is not None or self.training.clip_norm is not None
        return self.optimizer.linear and not self.optimizer.weight_decay and not changed

    def begin(self) -> Progress:
        """The progress of a training that has not begun."""
        state = self.optimizer.init(self.network.params, self.network.specs)
        return Progress(optimizer=state, average=start_average(self.training, self.network))

    def fit(self, progress: Progress) -> Progress:
        """Train from where ``progress`` stands to the end, or until stopped; ``progress.status`` says which."""
        try:
            while progress.epoch < self.training.epochs:
                stop_early(self.training, progress.history)
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
        layout, epoch = self.batches.layout, self.batches.epoch(self.streams, progress.epoch, progress.batch)
        with laid_out(network, progress, layout), closing(epoch) as batches:
            for batch in batches:
                if reason := self.interrupted():
                    raise StopTraining("killed", reason)
                if self.mixup:
                    self.mixup(batch, self.stream("mixup", progress))
                X = batch.inputs.astype(network.dtype, copy=False)
                lr = self.lr(progress)
                scale = lr if self.folds_lr else 1.0
                loss = network.loss_and_gradients(X, batch.targets, self.loss, step_rng, scale, batch.steps())
                check_step(network, len(batch), loss, lr, progress, scale)
                progress.loss_sum += loss * len(batch)
                progress.n_correct += n_correct(network.workspace(len(batch)).outputs[-1], batch.Y)
                progress.n_seen += len(batch)
                self.update(progress, 1.0 if self.folds_lr else lr, X, batch.targets)
                progress.batch += 1
                progress.step += 1
                if self.observers.want_step(progress.step):
                    with laid_out(network, progress, undone(layout)):
                        self.observers.step(StepEnd(progress.step, loss, lr, network, len(batch)))
        progress.seconds += perf_counter() - began

    def stream(self, name: str, progress: Progress) -> np.random.Generator:
        """The stream ``name`` of this epoch, drawn from step by step: where the epoch is resumed, it goes on from there."""
        return progress.generators.setdefault(name, self.streams(name, progress.epoch))

    def lr(self, progress: Progress, step: int | None = None) -> float:
        """The learning rate of the step that is due, or of another one (from 0) of the same epoch."""
        step = progress.step if step is None else step
        return self.optimizer.lr * progress.lr_factor * self.schedule(step, self.steps, len(self.batches))

    def update(self, progress: Progress, lr: float, X: Array, Y: Array) -> None:
        """Change the weights by lr times what the batch (X, Y) has left in the network's ``grads``."""
        network, training = self.network, self.training
        momentum = self.schedule.momentum(progress.step, self.steps, len(self.batches))
        if momentum is not None:
            progress.optimizer["momentum"] = momentum
        self.penalty.add_gradient()
        clip(network.grads, training.clip_value, training.clip_norm)
        objective = self.objective(progress, X, Y) if self.optimizer.full_batch else None
        self.optimizer.step(progress.optimizer, network.params, network.grads, lr, network.specs, objective)
        network.constrain()
        if training.ema is not None:
            average_step(progress.average, network, training.ema)

    def objective(self, progress: Progress, X: Array, Y: Array) -> Objective:
        """Loss and penalty of (X, Y) as a function of the network's parameters: with the same dropout each time."""

        def evaluate_loss() -> float:
            rng = self.streams("dropout", progress.epoch)
            loss = self.network.loss_and_gradients(X, Y, self.loss, rng)
            self.penalty.add_gradient()
            return loss + self.penalty.value()

        return evaluate_loss

    def end_epoch(self, progress: Progress) -> None:
        """Validate, keep the best weights, and tell the observers."""
        lr = self.lr(progress, progress.step - 1)
        check_weights(self.network, lr, progress)
        if self.training.swa_start is not None and progress.epoch + 1 >= self.training.swa_start:
            average_epoch(progress.average, self.network)
        with chosen_weights(self.network, self.optimizer, progress):
            metrics = self.judge(progress, lr)
        progress.lr_factor = self.schedule.after_epoch(progress.history)
        self.observers.epoch(EpochEnd(progress.epoch, metrics, self.network, progress))

    def judge(self, progress: Progress, lr: float) -> dict[str, float]:
        """Close the epoch's books on the network as it is: its metrics, and its weights if they are the best."""
        metrics = {
            "train/loss": progress.loss_sum / progress.n_seen,
            "train/accuracy": progress.n_correct / progress.n_seen,
            "lr": lr,
            "time/epoch_s": progress.seconds,
        }
        if len(self.data.val):
            validation = evaluate(self.network, self.data.val, self.loss)
            check_loss("validation", validation.loss, progress.epoch + 1)
            metrics |= {"val/loss": validation.loss, "val/accuracy": validation.accuracy}
            if self.training.metrics:
                predictions = Predictions(self.loss.probabilities(validation.logits), self.data.val.labels)
                metrics |= measure(predictions, self.training.metrics, "val")
        progress.epoch += 1
        progress.generators.clear()
        progress.batch, progress.loss_sum, progress.n_correct, progress.n_seen, progress.seconds = 0, 0.0, 0, 0, 0.0
        progress.history.append({"epoch": progress.epoch} | metrics)
        if self.is_best(metrics, progress.best):
            progress.best = Best(progress.epoch, metrics, self.network.params.copy(), self.network.state.copy())
        return metrics

    def is_best(self, metrics: dict[str, float], best: Best | None) -> bool:
        """Whether these metrics beat the best so far: strictly, so that of equal epochs the first is kept."""
        key = self.training.select
        if best is None or key == "last" or key not in metrics:
            return True
        sign = -1 if key == "val/loss" else 1
        return sign * metrics[key] > sign * best.metrics[key]
