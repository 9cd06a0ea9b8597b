"""Base class of all optimizers. An instance holds the hyperparameters; what changes from step to step is a separate state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mnist_np.component import Component, bounded
from mnist_np.nn.arrays import Array
from mnist_np.nn.params import ParamSpec

State = dict[str, Any]
"""The state of an optimizer: name -> array, int or float. Names that begin with ``_`` are scratch: `Optimizer.init` makes them,
and a checkpoint leaves them out. A state is restored by ``optimizer.init(params, specs) | saved``."""

Objective = Callable[[], float]
"""Returns the loss at the current parameters and writes its gradients into ``grads``."""

CHUNK = 1 << 18
"""Parameters updated at a time, so that the operands of an update stay in the cache from one operation to the next. Adam is 17 %
faster at 3M parameters than with whole vectors; with pieces of 2^16, SGD is 40 % slower."""


@dataclass
class Optimizer(Component):
    """Updates a flat vector of parameters from a flat vector of gradients.

    A subclass implements `update`, and `state_names` if its rule has a state.

    Attributes:
        lr: the peak learning rate; the schedule multiplies it by a factor at each step.
        weight_decay: decoupled decay, W <- W - lr weight_decay W before the rule's own step (Loshchilov & Hutter 2019). The L2
            penalty, which is part of the gradient, is ``training.l2``.
        decay_all: whether biases and norm parameters decay too.
    """

    group: ClassVar[str] = "optimizer"
    full_batch: ClassVar[bool] = False
    """Whether a step evaluates the loss of the whole training set itself (``objective``)."""
    averages: ClassVar[bool] = False
    """Whether the weights to evaluate (`eval_params`) differ from the weights being trained."""

    ramps_momentum: ClassVar[bool] = False
    """Whether ``state["momentum"]`` is the momentum of the next step, which a schedule may change."""

    lr: float = bounded(0.1, gt=0)
    weight_decay: float = bounded(0.0, ge=0)
    decay_all: bool = False

    def state_names(self) -> list[str]:
        """Names of the state's vectors: each has the parameters' shape and is 0 at first."""
        return []

    def init(self, params: Array, specs: Sequence[ParamSpec]) -> State:
        """The state before the first step.

        Args:
            params: the flat vector of parameters (n,).
            specs: name, position and shape of each parameter in it.
        """
        scratch = np.empty(min(CHUNK, len(params)), params.dtype)
        return {name: np.zeros_like(params) for name in self.state_names()} | {"t": 0, "_scratch": scratch}

    def step(
        self,
        state: State,
        params: Array,
        grads: Array,
        lr: float,
        specs: Sequence[ParamSpec],
        objective: Objective | None = None,
    ) -> None:
        """Update ``params`` and ``state`` in place.

        Args:
            state: what `init` returned, after the steps so far.
            params: the flat vector of parameters (n,).
            grads: the gradients (n,) at ``params``; may be overwritten.
            lr: the learning rate of this step.
            specs: name, position and shape of each parameter.
            objective: the loss as a function of ``params``; given if ``full_batch``.
        """
        state["t"] += 1
        if self.weight_decay:
            for part in decayed(specs, self.decay_all):
                self.decay(state, params, lr, part)
        self.update(state, params, grads, lr)

    def decay(self, state: State, params: Array, lr: float, part: slice) -> None:
        """W <- W - lr weight_decay W for the ``part`` of the parameters that decays."""
        params[part] *= 1 - lr * self.weight_decay

    def update(self, state: State, params: Array, grads: Array, lr: float) -> None:
        """The update rule without weight decay. ``state["t"]`` is the number of this step, from 1."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def eval_params(self, state: State, params: Array, out: Array) -> None:
        """Write the weights to evaluate into ``out`` (n,): ``params``, unless the rule ``averages``."""
        np.copyto(out, params)


def decayed(specs: Sequence[ParamSpec], everything: bool) -> Iterator[slice]:
    """The parts of the parameter vector that decay: the weight matrices, or with ``everything`` all of it."""
    return (slice(spec.start, spec.stop) for spec in specs if everything or spec.is_weight)


def chunks(*vectors: Array, scratch: Array | None = None) -> Iterator[tuple[Array, ...]]:
    """Corresponding pieces of vectors of one length, each small enough for the cache; a piece of ``scratch`` last, if given."""
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
