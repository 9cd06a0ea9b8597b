"""How far a training has come: all that its future depends on beside config and data, so all that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from mnist_np.nn.arrays import Array
from mnist_np.optim.optimizers import State


@dataclass
class Best:
    """The epoch (from 1) with the best selection metric so far, with its weights and metrics."""

    epoch: int
    metrics: dict[str, float]
    params: Array
    state: Array


@dataclass
class Progress:
    """``epoch`` epochs are complete, and ``batch`` batches of the next one, with these sums over their examples.

    ``optimizer`` and ``average`` (the weights' running average, `averaging.py`) are `State`s; ``lr_factor`` is what the
    schedule made of the history (reduce-on-plateau); ``generators`` are the random streams of the epoch under way that its
    steps draw from one after the other. ``worker_steps`` is, where several processes share the weights, the step that each says
    its share is of: the weights are whole if all are ``step``. ``seconds`` were spent on the steps of the epoch under way, and
    ``total_seconds`` on everything, in this process and in those before it that the run was continued from; see `tick`.

    `checkpoint.py` saves every field as it is, by its annotation: arrays, numbers, text, lists and dictionaries of these,
    generators, dataclasses of these. Names in a dictionary that begin with ``_`` are scratch and are not saved.
    """

    optimizer: State
    average: State = field(default_factory=dict)
    lr_factor: float = 1.0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    n_correct: int = 0
    n_seen: int = 0
    seconds: float = 0.0
    total_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: Best | None = None
    generators: dict[str, np.random.Generator] = field(default_factory=dict)
    worker_steps: list[int] = field(default_factory=list)
    status: str = "running"
    reason: str = ""

    def __post_init__(self) -> None:
        self.start_clock(perf_counter())

    def start_clock(self, at: float) -> None:
        """Count this process's seconds from ``at`` on, a time of `time.perf_counter`."""
        self._counted_until = at

    def tick(self, steps: bool = False) -> None:
        """Count the seconds since the last call; ``steps``: they were spent on training steps."""
        now = perf_counter()
        passed, self._counted_until = now - self._counted_until, now
        self.total_seconds += passed
        if steps:
            self.seconds += passed

    @contextmanager
    def counting_steps(self) -> Iterator[None]:
        """For the time of the block, seconds are those of training steps, however it ends."""
        self.tick()
        try:
            yield
        finally:
            self.tick(steps=True)

    @property
    def whole(self) -> bool:
        """Whether all shares of the weights are of the same step: only then may a checkpoint be made of them."""
        return all(step == self.step for step in self.worker_steps)

    def add(self, loss: float, n_correct: int, m: int) -> None:
        """Count a batch of m examples with its mean loss."""
        self.loss_sum += loss * m
        self.n_correct += n_correct
        self.n_seen += m

    def train_metrics(self) -> dict[str, float]:
        """Mean loss and accuracy of the epoch's examples, each as its batch was trained on."""
        return {"train/loss": self.loss_sum / self.n_seen, "train/accuracy": self.n_correct / self.n_seen}

    def next_epoch(self, metrics: dict[str, float]) -> None:
        """Close the epoch: its metrics join the history, and all that belongs to one epoch starts anew."""
        self.epoch += 1
        self.generators.clear()
        self.batch, self.loss_sum, self.n_correct, self.n_seen, self.seconds = 0, 0.0, 0, 0, 0.0
        self.history.append({"epoch": self.epoch} | metrics)
