"""The training loop: mini-batch gradient descent over epochs, with events for observers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from mnist_np.data.augment import Augment, NoAugment
from mnist_np.data.dataset import Dataset, Split
from mnist_np.engine.fast import engine_of
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.optim.optimizer import Optimizer
from mnist_np.optim.schedule import Schedule
from mnist_np.streams import Streams
from mnist_np.training.adversarial import VirtualAdversarial
from mnist_np.training.averaging import average_epoch, average_step, chosen_weights, start_average
from mnist_np.training.divergence import check_step, check_weights
from mnist_np.training.evaluation import n_correct
from mnist_np.training.events import EpochEnd, Observers, StepEnd, StopTraining
from mnist_np.training.mixup import Mixup
from mnist_np.training.penalty import Penalty, clip
from mnist_np.training.progress import Progress
from mnist_np.training.selection import keep_best, require_validation, validation_metrics
from mnist_np.training.stopping import stop_early


@dataclass
class Trainer:
    """All that one training needs, and `fit`, which runs it. ``interrupted`` gives the reason if a stop was requested."""

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
    make_engine: Callable[[Network, Loss, Optimizer, Training], TextbookEngine] = engine_of

    def __post_init__(self) -> None:
        if not len(self.data.val):
            require_validation(self.training, self.schedule)
        batch_size = len(self.data.train) if self.optimizer.full_batch else self.training.batch_size
        self.engine = self.make_engine(self.network, self.loss, self.optimizer, self.training)
        self.batches = self.engine.batches(self.data, batch_size, self.augment)
        self.schedule.check_steps(len(self.batches))
        self.steps = self.training.epochs * len(self.batches)
        mixup = self.training.mixup
        self.mixup = Mixup(mixup, self.data.train, self.batches.batch_size) if mixup else None
        self.adversarial = VirtualAdversarial(self.training, self.engine) if self.training.vat else None
        self.penalty = Penalty(self.training, self.network)

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
        progress.tick()
        self.observers.stop(progress)
        return progress

    def train_epoch(self, progress: Progress) -> None:
        """One pass over the training set, from batch ``progress.batch`` on."""
        engine, rng = self.engine, self.stream("dropout", progress)
        states = progress.optimizer, progress.average
        epoch = self.batches.epoch(self.streams, progress.epoch, progress.batch)
        with progress.counting_steps(), engine.epoch(*states), closing(epoch) as batches:
            for batch in batches:
                if reason := self.interrupted():
                    raise StopTraining("killed", reason)
                if self.mixup:
                    self.mixup(batch, self.stream("mixup", progress))
                lr = self.lr(progress)
                loss = self.loss_and_gradients(batch, rng, progress)
                check_step(self.network, batch.X, loss, lr, progress)
                self.update(progress, batch, lr)
                progress.add(engine.value, n_correct(engine.logits, batch.Y), len(batch))
                if self.observers.want_step(progress.step):
                    progress.tick(steps=True)
                    with engine.pause(*states):
                        self.observers.step(StepEnd(progress.step, engine.value, lr, self.network, len(batch)))

    def loss_and_gradients(self, batch: Split, rng: np.random.Generator, progress: Progress) -> float:
        """The loss of ``batch``; its gradients, with those of what is added to it, are left in the network's ``grads``."""
        if self.adversarial:
            return self.adversarial.loss_and_gradients(batch, rng, self.stream("adversarial", progress))
        return self.engine.loss_and_gradients(batch, rng)

    def update(self, progress: Progress, batch: Split, lr: float) -> None:
        """Change the weights by lr times what ``batch`` has left in the network's ``grads``."""
        momentum = self.schedule.momentum(progress.step, self.steps, len(self.batches))
        if momentum is not None:
            progress.optimizer["momentum"] = momentum
        self.penalty.add_gradient()
        clip(self.network.grads, self.training.clip_value, self.training.clip_norm, self.engine.norm)
        full = self.optimizer.full_batch
        objective = partial(self.objective, progress, batch, self.network.state.copy()) if full else None
        self.engine.update(progress.optimizer, lr, objective)
        if self.training.ema is not None:
            average_step(progress.average, self.network, self.training.ema)
        progress.batch += 1
        progress.step += 1

    def objective(self, progress: Progress, batch: Split, state: Array) -> float:
        """Loss and penalty of ``batch`` at the network's present parameters: with the same dropout each time, and running
        statistics that go on from ``state``, so that parameters tried before leave nothing in them."""
        self.network.state[:] = state
        loss = self.engine.loss_and_gradients(batch, self.streams("dropout", progress.epoch))
        self.penalty.add_gradient()
        return loss + self.penalty.value()

    def end_epoch(self, progress: Progress) -> None:
        """Validate, keep the best weights, and call the observers."""
        lr, epoch = self.lr(progress, progress.step - 1), progress.epoch + 1
        check_weights(self.network, lr, progress)
        if self.training.swa_start is not None and epoch >= self.training.swa_start:
            average_epoch(progress.average, self.network)
        with chosen_weights(self.network, self.optimizer, progress):
            metrics = progress.train_metrics() | {"lr": lr, "time/epoch_s": progress.seconds}
            metrics |= validation_metrics(self.network, self.data.val, self.loss, self.training, epoch)
            progress.next_epoch(metrics)
            keep_best(progress, metrics, self.network, self.training.select)
        progress.lr_factor = self.schedule.after_epoch(progress.history)
        progress.tick()
        self.observers.epoch(EpochEnd(progress.epoch, metrics, self.network, progress))

    def lr(self, progress: Progress, step: int | None = None) -> float:
        """The learning rate of the step that is due, or of another one (from 0) of the same epoch."""
        step = progress.step if step is None else step
        return self.optimizer.lr * progress.lr_factor * self.schedule(step, self.steps, len(self.batches))

    def stream(self, name: str, progress: Progress) -> np.random.Generator:
        """The stream ``name`` of this epoch, drawn from step by step: where the epoch is resumed, it goes on from there."""
        if name not in progress.generators:
            progress.generators[name] = self.streams(name, progress.epoch)
        return progress.generators[name]
