"""The work of one process: its share of the network, and an ordinary trainer of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mnist_np.data.augment import Augment
from mnist_np.data.batches import Batches
from mnist_np.data.dataset import Dataset, Split
from mnist_np.engine.fast import FastEngine
from mnist_np.engine.sparse_input import Packed, WeightOrder
from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array, norm
from mnist_np.nn.layers import Dense, Layer
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Optimizer, State
from mnist_np.optim.schedule import Schedule
from mnist_np.streams import Streams
from mnist_np.training.events import Observers, StepEnd
from mnist_np.training.loop import Trainer
from mnist_np.training.parallel.batches import SharedAugmentedBatches, SharedBatches
from mnist_np.training.parallel.exchange import Exchange, PeerLost, Rendezvous
from mnist_np.training.parallel.shared import SharedArray
from mnist_np.training.parallel.shares import Piece, Share, give, take
from mnist_np.training.progress import Progress

LOOK = 2
"""Where the first process's counters say which step is to be looked at: here of an even one, one further of an odd one."""


@dataclass
class Memory:
    """What both see: the rendezvous' counters, the summands, the whole network's vectors and states, batches, all examples."""

    counters: SharedArray
    areas: SharedArray
    vectors: SharedArray
    states: SharedArray
    batches: SharedArray
    rows: SharedArray

    @property
    def arrays(self) -> tuple[SharedArray, ...]:
        return self.counters, self.areas, self.vectors, self.states, self.batches, self.rows


@dataclass
class Work:
    """What is to be trained, as it is sent to the other process."""

    layers: list[Layer]
    specs: list[ParamSpec]
    state_specs: list[ParamSpec]
    data: Dataset
    examples: Packed
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    training: Training
    streams: Streams
    augment: Augment

    def with_rows(self, rows: Array) -> Work:
        """The same on training examples in these rows, and next to nothing beside them: this is for training only."""
        train = replace(self.examples.split, rows=rows)
        data = replace(self.data, train=train, val=train[:1], test=train[:1])
        return replace(self, data=data, examples=replace(self.examples, split=train))


class SharedEngine(FastEngine):
    """The engine of one process, on batches that both gather."""

    def __init__(self, examples: Packed, memory: Memory, share: Share, exchange: Exchange, *parts: Any) -> None:
        super().__init__(*parts)
        self.examples, self.memory, self.share, self.exchange = examples, memory, share, exchange

    def batches(self, data: Dataset, batch_size: int, augment: Augment) -> Batches:
        # Mixup changes its batch in place, and what comes before the first Dense layer is not in the order of the inputs.
        both = self.memory.batches.array, self.exchange.rendezvous, self.exchange.rank
        if augment.active and not self.training.mixup:
            return SharedAugmentedBatches((data, batch_size, augment), *both)
        if self.training.mixup or not isinstance(self.network.layers[0], Dense):
            return super().batches(data, batch_size, augment)
        self.weight_order = WeightOrder(self.network, self.examples.order)
        return SharedBatches(self.examples, batch_size, *both)

    def loss_and_gradients(self, batch: Split, rng: np.random.Generator) -> float:
        """As `FastEngine`; where the other process stops before this step, the running statistics are those of the last one."""
        before = self.network.state.copy()
        try:
            return super().loss_and_gradients(batch, rng)
        except PeerLost:
            self.network.state[:] = before
            raise

    def norm(self, grads: Array) -> float:
        lengths = np.empty((1, 2), grads.dtype)  # of each process's part; squares could be beyond the dtype's largest number
        own = self.exchange.summand(lengths.shape)
        own[:] = 0
        own[0, self.exchange.rank] = self.share.length(grads)
        self.exchange.send()
        self.exchange.total(out=lengths)
        return norm(lengths[0])


class Looks(Observers):
    """Brings both shares together in the middle of an epoch, after the steps that observers of the whole network want to see.

    The first process says one step ahead which these are. The other one reads it after an exchange of that step, so it is
    there; in two places, one for every other step, since the first process may already say it of the next.
    """

    def __init__(self, rank: Rank, observers: Observers | None, look: Callable[[StepEnd], None]) -> None:
        super().__init__()
        self.rank, self.whole, self.look = rank, observers, look

    def announce(self, step: int) -> None:
        """Say whether ``step`` is to be looked at."""
        if self.whole and self.whole.want_step(step):
            self.rank.memory.counters.array[0, LOOK + step % 2] = step

    def want_step(self, step: int) -> bool:
        self.announce(step + 1)
        return bool(self.rank.memory.counters.array[0, LOOK + step % 2] == step)

    def step(self, event: StepEnd) -> None:
        self.rank.give()
        self.rank.rendezvous.arrive()
        self.rank.rendezvous.wait()
        if self.whole:
            self.look(event)


@dataclass(frozen=True)
class Answer:
    """What the other process says after an epoch: the step that its share is of, and what stopped it on its side."""

    step: int
    stop: tuple[str, str] | None = None
    """Status and reason, as of `StopTraining`."""
    error: str = ""


class Rank:
    """Trains one process's share of the network, epoch by epoch, from and to the whole vectors in the shared memory.

    ``observers`` are those of the whole network, in the process that has it, and ``look`` tells them of a step.
    """

    def __init__(
        self,
        work: Work,
        memory: Memory,
        rank: int,
        gone: Callable[[], bool],
        interrupted: Callable[[], str | None] = lambda: None,
        observers: Observers | None = None,
        look: Callable[[StepEnd], None] = lambda event: None,
    ) -> None:
        self.memory = memory
        self.rendezvous = Rendezvous(memory.counters.array, rank, gone)
        self.exchange = Exchange(memory.areas.array, self.rendezvous, rank)
        self.share = Share(work.layers, work.specs, work.state_specs, self.exchange, work.training.dtype)
        self.looks = Looks(self, observers, look)
        parts = (work.loss, work.optimizer, work.schedule, work.training, work.streams)
        engine = partial(SharedEngine, work.examples, memory, self.share, self.exchange)
        self.trainer = Trainer(self.share.network, work.data, *parts, self.looks, interrupted, work.augment, engine)
        self.empty = self.trainer.begin()  # holds the vectors of this share's optimizer and average

    def train_epoch(self, news: Progress) -> Progress:
        """Train from where ``news`` stands to the end of the epoch; returns where that led to, both without vectors.

        Whatever happens, the share is given back as it stands.
        """
        self.after = news
        optimizer, average = self.empty.optimizer | news.optimizer, self.empty.average | news.average
        self.progress = replace(news, optimizer=optimizer, average=average)
        self.looks.announce(news.step + 1)
        for pieces, own, whole in self.parts():
            take(pieces, own, whole)
        try:
            self.trainer.train_epoch(self.progress)
        finally:
            self.give()
        return self.after

    def give(self) -> None:
        """Write the share as it stands into the shared memory."""
        for pieces, own, whole in self.parts():
            give(pieces, own, whole)
        self.after = without_vectors(self.progress)

    def parts(self) -> Iterator[tuple[list[Piece], Array, Array]]:
        """Each vector and state of this share beside the whole network's in the shared memory."""
        network, progress = self.share.network, self.progress
        for own, whole in zip(vectors(network, progress), self.memory.vectors.array, strict=True):
            yield self.share.pieces, own, whole
        for own, whole in zip(states(network, progress), self.memory.states.array, strict=True):
            yield self.share.state_pieces, own, whole


def vectors(network: Network, progress: Progress) -> list[Array]:
    """Every vector with an entry for each parameter: parameters and gradients, what optimizer and average remember."""
    average = {key: value for key, value in progress.average.items() if key != "state"}
    remembered = (value for state in (progress.optimizer, average) for key, value in state.items() if _is_vector(key, value))
    return [network.params, network.grads, *remembered]


def states(network: Network, progress: Progress) -> list[Array]:
    """The running statistics, and their average where there is one."""
    return [network.state, *([progress.average["state"]] if "state" in progress.average else [])]


def without_vectors(progress: Progress) -> Progress:
    """How far the training has come, small enough to be sent."""
    optimizer, average = _numbers(progress.optimizer), _numbers(progress.average)
    return replace(progress, optimizer=optimizer, average=average, history=[], best=None)


def _numbers(state: State) -> State:
    return {key: value for key, value in state.items() if isinstance(value, int | float)}


def _is_vector(key: str, value: Array | float) -> bool:
    return not isinstance(value, int | float) and not key.startswith("_") and value.size > 0
