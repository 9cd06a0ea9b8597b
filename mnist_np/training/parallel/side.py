"""One process's side of the work: its share of the network and an ordinary trainer of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mnist_np.data.augment import Augment
from mnist_np.data.batches import Batches
from mnist_np.data.dataset import Dataset
from mnist_np.engine.fast import FastEngine
from mnist_np.engine.sparse_input import Packed, WeightOrder
from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Layer
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizer import Optimizer, State
from mnist_np.optim.schedule import Schedule
from mnist_np.streams import Streams
from mnist_np.training.events import Observers
from mnist_np.training.loop import Trainer
from mnist_np.training.parallel.batches import SharedBatches
from mnist_np.training.parallel.exchange import Exchange, Rendezvous
from mnist_np.training.parallel.shared import SharedArray
from mnist_np.training.parallel.shares import Share
from mnist_np.training.progress import Progress


@dataclass
class Memory:
    """What both see: the rendezvous' counters, the summands, the whole network's vectors, batches, all training examples."""

    counters: SharedArray
    areas: SharedArray
    vectors: SharedArray
    batches: SharedArray
    rows: SharedArray

    @property
    def arrays(self) -> tuple[SharedArray, ...]:
        return self.counters, self.areas, self.vectors, self.batches, self.rows


@dataclass
class Work:
    """What is to be trained, as the other process is told."""

    layers: list[Layer]
    specs: list[ParamSpec]
    data: Dataset
    examples: Packed
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    training: Training
    streams: Streams

    def with_rows(self, rows: Array) -> Work:
        """The same on training examples in these rows, and next to nothing beside them: this is for training only."""
        train = replace(self.examples.split, rows=rows)
        data = replace(self.data, train=train, val=train[:1], test=train[:1])
        return replace(self, data=data, examples=replace(self.examples, split=train))


class SharedEngine(FastEngine):
    """The engine of one process, on batches that both gather."""

    def __init__(self, examples: Packed, memory: Memory, rendezvous: Rendezvous, rank: int, *parts: Any) -> None:
        super().__init__(*parts)
        self.examples, self.memory, self.rendezvous, self.rank = examples, memory, rendezvous, rank

    def batches(self, data: Dataset, batch_size: int, augment: Augment) -> Batches:
        if self.training.mixup:  # which changes its batch in place
            return super().batches(data, batch_size, augment)
        self.weight_order = WeightOrder(self.network, self.examples.order)
        return SharedBatches(self.examples, batch_size, self.memory.batches.array, self.rendezvous, self.rank)


@dataclass(frozen=True)
class Answer:
    """What the other process says after an epoch: the step that its share is of, and what stopped it on its side."""

    step: int
    stop: tuple[str, str] | None = None
    """Status and reason, as of `StopTraining`."""
    error: str = ""


class Rank:
    """Trains one process's share of the network, epoch by epoch, from and to the whole vectors in the shared memory."""

    def __init__(
        self,
        work: Work,
        memory: Memory,
        rank: int,
        gone: Callable[[], bool],
        interrupted: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.memory, self.rank = memory, rank
        self.rendezvous = Rendezvous(memory.counters.array, rank, gone)
        self.exchange = Exchange(memory.areas.array, self.rendezvous, rank)
        self.share = Share(work.layers, work.specs, self.exchange, work.training.dtype)
        parts = (work.loss, work.optimizer, work.schedule, work.training, work.streams)
        self.trainer = Trainer(
            self.share.network,
            work.data,
            *parts,
            Observers(),
            interrupted,
            make_engine=partial(SharedEngine, work.examples, memory, self.rendezvous, rank),
        )
        self.empty = self.trainer.begin()  # holds the vectors of this share's optimizer and average

    def train_epoch(self, news: Progress) -> Progress:
        """Train from where ``news`` stands to the end of the epoch; returns where that led to, both without vectors.

        Whatever happens, the share is given back as it stands.
        """
        self.after = news
        optimizer, average = self.empty.optimizer | news.optimizer, self.empty.average | news.average
        progress = replace(news, optimizer=optimizer, average=average)
        own = list(vectors(self.share.network, progress).values())
        for vector, whole in zip(own, self.memory.vectors.array, strict=True):
            self.share.take(vector, whole)
        try:
            self.trainer.train_epoch(progress)
        finally:
            for vector, whole in zip(own, self.memory.vectors.array, strict=True):
                self.share.give(vector, whole)
            self.after = without_vectors(progress)
        return self.after


def vectors(network: Network, progress: Progress) -> dict[str, Array]:
    """Every vector with an entry for each parameter, by name: the parameters, and what optimizer and average remember."""
    found = {"params": network.params}
    for name, state in (("optimizer", progress.optimizer), ("average", progress.average)):
        found |= {f"{name}.{key}": value for key, value in state.items() if _is_vector(key, value)}
    return found


def without_vectors(progress: Progress) -> Progress:
    """How far the training has come, small enough to be sent."""
    optimizer, average = _numbers(progress.optimizer), _numbers(progress.average)
    return replace(progress, optimizer=optimizer, average=average, history=[], best=None)


def _numbers(state: State) -> State:
    return {key: value for key, value in state.items() if isinstance(value, int | float)}


def _is_vector(key: str, value: Any) -> bool:
    return not isinstance(value, int | float) and not key.startswith("_") and value.size > 0
