"""Optimizers: a rule plus a state. The rule is the dataclass; the state is named arrays and integers, so it can be saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from mnist_np.component import Component, bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.network import Slot

State = dict[str, Any]
"""An optimizer's memory: name -> array, int or float, nothing else. A checkpoint saves it as it is, but for names that begin
with ``_``: those are scratch, made by `Optimizer.init` and worth nothing between two steps. So a state is restored by
``optimizer.init(params, slots) | saved``."""

CHUNK = 1 << 16
"""Parameters updated at a time: the few vectors of an update stay in the core's cache (13 % faster at 3M parameters)."""


@dataclass
class Optimizer(Component, ABC):
    """Updates a flat vector of parameters from a flat vector of gradients.

    ``lr`` is the peak learning rate; the schedule says which share of it each step uses. ``weight_decay`` is decoupled:
    W <- W - lr * weight_decay * W beside the rule's own step (Loshchilov & Hutter 2019); the classic L2 penalty, which goes
    through the gradient, is ``training.l2``. Biases and norm parameters decay only with ``decay_all``.
    """

    group: ClassVar[str] = "optimizer"
    lr: float = bounded(0.1, gt=0)
    weight_decay: float = bounded(0.0, ge=0)
    decay_all: bool = False

    def init(self, params: Array, slots: Sequence[Slot]) -> State:
        """The state before the first step, for these parameters laid out as ``slots`` say."""
        return {}

    def step(self, state: State, params: Array, grads: Array, lr: float, slots: Sequence[Slot]) -> None:
        """Update ``params`` and ``state`` in place from ``grads`` at learning rate ``lr``. ``grads`` may be overwritten."""
        if self.weight_decay:
            for part in decayed(slots, self.decay_all):
                params[part] *= 1 - lr * self.weight_decay
        self.update(state, params, grads, lr)

    @abstractmethod
    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        """The rule itself, without weight decay."""


def decayed(slots: Sequence[Slot], everything: bool) -> Iterator[slice]:
    """The parts of the parameter vector that are decayed: the weight matrices, or all of it."""
    return (slice(slot.start, slot.stop) for slot in slots if everything or slot.is_weight)


def chunks(*vectors: NDArray[Any]) -> Iterator[tuple[NDArray[Any], ...]]:
    """The vectors, all of one length, side by side in pieces that fit the cache."""
    for start in range(0, len(vectors[0]), CHUNK):
        yield tuple(vector[start : start + CHUNK] for vector in vectors)


@dataclass
class SGD(Optimizer):
    """Gradient descent on mini-batches: W <- W - lr * dW (Robbins & Monro 1951)."""

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        for p, g in chunks(params, grads):
            g *= lr
            p -= g


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD}
