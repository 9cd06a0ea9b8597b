"""Divergence: a number that is not finite is found in the step that made it, and named, before it spoils the weights."""

from __future__ import annotations

import math

import numpy as np

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Dense
from mnist_np.nn.network import Network
from mnist_np.nn.params import ParamSpec
from mnist_np.training.events import StopTraining
from mnist_np.training.progress import Progress

ALARM = 1e12
"""Loss plus squared norm of the biases' gradients from which on all gradients are looked at. No training that works is there."""


class Diverged(StopTraining):
    """Loss, gradients or weights are NaN or infinite. The message says which, where and when."""

    def __init__(self, reason: str) -> None:
        super().__init__("diverged", reason)


def check_step(network: Network, X: Array, loss: float, lr: float, progress: Progress) -> None:
    """Raise Diverged unless loss and gradients of a batch of inputs X are finite.
    Called between them and the update.

    The loss and the gradients by the biases watch for all: db sums dZ, of which every dW of its layer is a product, so what is
    not finite in dZ shows in db; and dW = X^T dZ overflows only when X or dZ, and with them loss or db, are far beyond
    `ALARM`. They only give the alarm; `examine` looks at every number and decides. A weight that overflows in its update shows
    in the next step's loss, or, behind a saturated activation, at the end of the epoch (`check_weights`), before it is kept.
    (A dot product over all parameters took 4 % of a small network's step.)
    """
    alarm = loss
    for layer in network.layers:
        if "b" in layer.grads:
            alarm += np.dot(layer.grads["b"], layer.grads["b"])
    if not alarm < ALARM:  # true of NaN too
        examine(network, X, loss, lr, progress)


def examine(network: Network, X: Array, loss: float, lr: float, progress: Progress) -> None:
    """Look at everything, the earliest cause first: the last update's weights, then this step's loss, then its gradients."""
    check_weights(network, lr, progress)
    step = f"at step {progress.step + 1} (epoch {progress.epoch + 1}, batch {progress.batch + 1})"
    norm = np.linalg.norm(network.grads.astype(np.float64))
    details = f"learning rate {lr:.3g}, gradient norm {norm:.3g}"
    if not math.isfinite(loss):
        raise Diverged(f"the loss became {loss}{first_output(network, X)} {step}; {details}")
    for spec in reversed(network.specs):  # the last layer's gradient is computed first
        if bad := not_finite(spec.view(network.grads)):
            raise Diverged(f"the gradient of {where(spec)} became {bad} {step}; loss {loss:.3g}, {details}")


def first_output(network: Network, X: Array) -> str:
    """Where in a training pass over X numbers are not finite first. The pass is repeated, with other random draws."""
    state, rng, number = network.state.copy(), np.random.default_rng(0), 0
    A, found = X.astype(network.dtype), ""
    for layer in network.layers:
        number += isinstance(layer, Dense)
        A, _ = layer.forward(A, rng)
        if not_finite(A):
            found = f", first in the output of layer {number} ({type(layer).__name__}),"
            break
    network.state[:] = state
    return found


def check_weights(network: Network, lr: float, progress: Progress) -> None:
    """Raise Diverged unless all weights and running statistics are finite after ``progress.step`` steps, the last at ``lr``."""
    for vector, specs in ((network.params, network.specs), (network.state, network.state_specs)):
        for spec in specs:
            if bad := not_finite(spec.view(vector)):
                raise Diverged(f"{where(spec)} became {bad} by step {progress.step}; learning rate {lr:.3g}")


def is_finite(network: Network) -> bool:
    """Whether all weights and running statistics are finite."""
    return bool(np.isfinite(network.params).all() and np.isfinite(network.state).all())


def check_loss(name: str, loss: float, epoch: int) -> None:
    """Raise Diverged unless a split's loss after an epoch is finite."""
    if not math.isfinite(loss):
        raise Diverged(f"the {name} loss became {loss} after epoch {epoch}, while loss and weights in training are finite")


def where(spec: ParamSpec) -> str:
    """``W2 of layer 2``."""
    kind = spec.name.rstrip("0123456789")
    return f"{spec.name} of layer {spec.name.removeprefix(kind)}"


def not_finite(array: Array) -> str:
    """The first entry that is not finite and how many there are: ``"nan (3 of 8,192 entries)"``; empty when there is none."""
    bad = array[~np.isfinite(array)]
    return f"{bad[0]} ({len(bad):,} of {array.size:,} entries)" if len(bad) else ""
