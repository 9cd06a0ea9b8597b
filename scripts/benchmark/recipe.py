"""A record of `conf/experiment/` in terms in which any library can train it, and its whole training by this project."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from mnist_np.cli.one_config import experiment_of
from mnist_np.data.augment import Augment, Distort
from mnist_np.engine.threads import blas_threads
from mnist_np.experiment import Experiment
from mnist_np.nn.activations import ReLU
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Dense
from mnist_np.nn.losses import CrossEntropy
from mnist_np.optim.adam import Adam
from mnist_np.streams import Streams
from mnist_np.training import mode as modes
from mnist_np.training.evaluation import evaluate
from mnist_np.training.events import Observers
from mnist_np.training.run import trainer_of

Trained = dict[str, float]
"""``seconds`` of the training steps, ``cpu_seconds`` of its threads and processes, and the test ``accuracy`` afterwards."""


@dataclass(frozen=True)
class Recipe:
    """An experiment with ReLU layers, Adam, label smoothing and affine distortions: what the libraries' versions have."""

    name: str

    @cached_property
    def experiment(self) -> Experiment:
        """As the preset says. Raises ValueError for what is not compared."""
        found, _ = experiment_of([f"experiment={self.name}"], "accuracy")
        self.check(found)
        return found

    def check(self, found: Experiment) -> None:
        """Raise ValueError for what the libraries' versions do not have."""
        plain = replace(found.model, hidden=[1]) == replace(type(found.model)(), hidden=[1]) and type(found.activation) is ReLU
        known = type(found.optimizer) is Adam and not found.optimizer.amsgrad and not found.optimizer.weight_decay
        affine = not found.augment.active or is_affine(found.augment)
        if not (plain and known and affine and type(found.loss) is CrossEntropy and not found.data.validation_size):
            raise ValueError(f"{self.name}: only ReLU, Adam, cross-entropy and affine distortions of all images are compared")

    @property
    def distort(self) -> Distort | None:
        """How the training images are distorted, if they are."""
        augment = self.experiment.augment
        return augment if isinstance(augment, Distort) and augment.active else None

    @property
    def batch(self) -> int:
        """Examples of a step."""
        return self.experiment.training.batch_size

    @property
    def epochs(self) -> int:
        """How many are trained."""
        return self.experiment.training.epochs

    @property
    def smoothing(self) -> float:
        """Label smoothing."""
        loss = self.experiment.loss
        assert isinstance(loss, CrossEntropy)
        return loss.label_smoothing

    @property
    def adam(self) -> Adam:
        """The optimizer."""
        assert isinstance(self.experiment.optimizer, Adam)
        return self.experiment.optimizer

    def rates(self, n: int) -> NDArray[np.float32]:
        """The learning rate of each step (epochs, steps of an epoch) of the training on n examples."""
        steps = -(-n // self.batch)
        factors = [self.experiment.schedule(step, steps * self.epochs, steps) for step in range(steps * self.epochs)]
        return (self.adam.lr * np.array(factors)).astype(np.float32).reshape(self.epochs, steps)

    def weights(self, seed: int) -> list[tuple[Array, Array]]:
        """The initial W (n_in, n_out) and b (n_out,) of each layer."""
        layers = replace(self.experiment, seed=seed).build_network(784, 10).layers
        return [(layer.params["W"], layer.params["b"]) for layer in layers if isinstance(layer, Dense)]


def is_affine(augment: Augment) -> bool:
    """Whether images are shifted, turned, slanted and scaled, and nothing else is done to them."""
    return isinstance(augment, Distort) and not (augment.elastic_alpha or augment.noise or augment.cutout)


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """The whole training by this project, of any seed."""
    recipe = Recipe(cell.net)

    def run(seed: int) -> Trained:
        return trained(replace(recipe.experiment, seed=seed), images, modes.Mode(mode.processes, mode.threads))

    def warm_up() -> None:
        short = replace(recipe.experiment, training=replace(recipe.experiment.training, epochs=1))
        trained(short, images, modes.Mode(mode.processes, mode.threads))

    return Job(run, "", warm_up=warm_up)


def trained(what: Experiment, images: Images, mode: modes.Mode) -> Trained:
    """Train the experiment as a run does, without observers."""
    data = images.dataset
    with blas_threads(mode.threads):
        network = what.build_network(data.n_features, data.n_classes)
        parts = (what.loss, what.optimizer, what.schedule, what.training, Streams(what.seed), Observers())
        trainer = trainer_of(mode)(network, data, *parts, augment=what.augment)
        return timed(lambda: trainer.fit(trainer.begin()), lambda: evaluate(network, data.test, what.loss).accuracy)


def timed(train: Callable[[], Any], accuracy: Callable[[], float]) -> Trained:
    """The time that ``train`` takes, and then the accuracy."""
    began, cpu = perf_counter(), sum(os.times()[:4])
    train()
    return {"seconds": perf_counter() - began, "cpu_seconds": sum(os.times()[:4]) - cpu, "accuracy": accuracy()}
