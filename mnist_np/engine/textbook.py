"""The engine that runs the textbook: each step is the code of `nn`, a place for breakpoints (``training.engine=textbook``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mnist_np.data.augment import Augment
from mnist_np.data.batches import Batches, batches_of
from mnist_np.data.dataset import Dataset, Split
from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array, norm
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.optim.optimizer import Objective, Optimizer, State


class TextbookEngine:
    """Computes the gradients of a network's loss and updates its parameters.

    ``value`` and ``logits`` are loss and logits of the last pass: over the batch, or the last that the optimizer asked for.
    """

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer, training: Training) -> None:
        self.network, self.loss, self.optimizer, self.training = network, loss, optimizer, training
        self.logits, self.value = np.empty((0, network.n_out), network.dtype), 0.0
        self.caches: list[object] = []

    def batches(self, data: Dataset, batch_size: int, augment: Augment) -> Batches:
        """The mini-batches of the training split."""
        return batches_of(data, batch_size, augment)

    def loss_and_gradients(self, batch: Split, rng: np.random.Generator) -> float:
        """The loss of one training pass over ``batch``; its gradients are left in ``network.grads``."""
        X, Y = (array.astype(self.network.dtype, copy=False) for array in (batch.X, batch.targets))
        self.logits = self.forward(X, rng)
        self.value, dZ = self.loss(self.logits, Y)
        self.backward(dZ)
        return self.value

    def forward(self, X: Array, rng: np.random.Generator) -> Array:
        """Logits (m, n_out) of a training pass over X (m, n_in), which `backward` and `input_gradient` go back through."""
        logits, self.caches = self.network.forward(X, rng)
        return logits

    def backward(self, dZ: Array) -> None:
        """Fill ``network.grads`` from dZ, the derivative by the logits of the last pass."""
        self.network.backward(self.caches, dZ.astype(self.network.dtype, copy=False))

    def input_gradient(self, dZ: Array) -> Array:
        """The derivative (m, n_in) by the inputs of the last pass, from dZ; ``network.grads`` may be overwritten."""
        return self.network.backward(self.caches, dZ.astype(self.network.dtype, copy=False))

    def update(self, state: State, lr: float, objective: Objective | None = None) -> None:
        """The optimizer's step at learning rate ``lr``, from the gradients that the last batch has left."""
        network = self.network
        self.optimizer.step(state, network.params, network.grads, lr, network.specs, objective)
        network.constrain()

    def norm(self, grads: Array) -> float:
        """|grads| of the whole network."""
        return norm(grads)

    @contextmanager
    def epoch(self, *states: State) -> Iterator[None]:
        """Steps are made within this block. There the parameters, and the vectors in ``states`` that have an entry for each of
        them, may stand in an order of the engine's own."""
        yield

    @contextmanager
    def pause(self, *states: State) -> Iterator[None]:
        """Within `epoch`: for the time of this block everything is in its own order, so that observers can read it."""
        yield
