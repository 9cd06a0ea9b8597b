"""What every optimizer is: a rule plus a state. The rule is the dataclass; the state is named arrays and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mnist_np.component import Component, bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec

State = dict[str, Any]
"""An optimizer's memory: name -> array, int or float, nothing else. A checkpoint saves it as it is, but for names that begin
with ``_``: those are scratch, made by `Optimizer.init` and worth nothing between two steps. So a state is restored by
``optimizer.init(params, specs) | saved``."""

Objective = Callable[[], float]
"""What is minimised, as a function of the parameter vector as it stands: returns the loss and leaves the gradients behind."""

CHUNK = 1 << 18
"""Parameters updated at a time: a piece of each vector of an update stays in the cache from one operation to the next (Adam is
17 % faster at 3M parameters than with whole vectors). Smaller pieces, of 2^16, cost more in calls than they gain: SGD 40 %."""


@dataclass
class Optimizer(Component):
    """Updates a flat vector of parameters from a flat vector of gradients.

    ``lr`` is the peak learning rate; the schedule says which share of it each step uses. ``weight_decay`` is decoupled:
    W <- W - lr * weight_decay * W beside the rule's own step (Loshchilov & Hutter 2019); the classic L2 penalty, which goes
    through the gradient, is ``training.l2``. Biases and norm parameters decay only with ``decay_all``.

    A subclass writes `update` and names in `memory` the vectors that it remembers; most need no more.
    """

    group: ClassVar[str] = "optimizer"
    full_batch: ClassVar[bool] = False
    """Whether a step needs the loss of the whole training set as a function (``objective``) and not just one gradient."""
    averages: ClassVar[bool] = False
    """Whether the weights to evaluate differ from the weights being trained (`eval_params`)."""

    ramps_momentum: ClassVar[bool] = False
    """Whether ``state["momentum"]`` is the momentum in force, for a schedule to change."""

    lr: float = bounded(0.1, gt=0)
    weight_decay: float = bounded(0.0, ge=0)
    decay_all: bool = False

    def memory(self) -> list[str]:
        """Names of the vectors, like the parameters and zero at first, that the rule remembers."""
        return []

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        """The state before the first step, for these parameters laid out as ``specs`` say."""
        scratch = np.empty(min(CHUNK, len(params)), params.dtype)
        return {name: np.zeros_like(params) for name in self.memory()} | {"t": 0, "_scratch": scratch}

    def step(
        self,
        state: State,
        params: Array,
        grads: Array,
        lr: float,
        specs: Sequence[ParamSpec],
        objective: Objective | None = None,
    ) -> None:
        """Update ``params`` and ``state`` in place from ``grads`` at learning rate ``lr``. ``grads`` may be overwritten.

        ``objective`` is given where the rule asks for it (``full_batch``): called after a change of ``params``, it returns
        the loss there and writes its gradients into ``grads``.
        """
        state["t"] += 1
        if self.weight_decay:
            for part in decayed(specs, self.decay_all):
                self.decay(state, params, lr, part)
        self.update(state, params, grads, lr)

    def decay(self, state: State, params: Array, lr: float, part: slice) -> None:
        """W <- W - lr * weight_decay * W for the ``part`` of the parameters that is to decay."""
        params[part] *= 1 - lr * self.weight_decay

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        """The rule itself, without weight decay. ``state["t"]`` is the number of this step, from 1."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def eval_params(self, state: State, params: Array, out: Array) -> None:
        """Write the weights to evaluate into ``out``; they are ``params`` themselves unless the rule ``averages``."""
        np.copyto(out, params)


def decayed(specs: Sequence[ParamSpec], everything: bool) -> Iterator[slice]:
    """The parts of the parameter vector that are decayed: the weight matrices, or all of it."""
    return (slice(spec.start, spec.stop) for spec in specs if everything or spec.is_weight)


def chunks(*vectors: Array, scratch: Array | None = None) -> Iterator[tuple[Array, ...]]:
    """The vectors, all of one length, side by side in pieces that fit the cache; last a piece of ``scratch`` for each."""
    for start in range(0, len(vectors[0]), CHUNK):
        pieces = tuple(vector[start : start + CHUNK] for vector in vectors)
        yield pieces if scratch is None else (*pieces, scratch[: len(pieces[0])])


def mix(average: Array, value: Array, beta: float, scratch: Array) -> None:
    """average <- beta * average + (1 - beta) * value, the exponential moving average."""
    np.multiply(value, 1 - beta, out=scratch)
    average *= beta
    average += scratch


def mix_square(average: Array, value: Array, beta: float, scratch: Array) -> None:
    """average <- beta * average + (1 - beta) * value^2."""
    np.square(value, out=scratch)
    scratch *= 1 - beta
    average *= beta
    average += scratch
