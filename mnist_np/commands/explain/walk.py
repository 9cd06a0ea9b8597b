"""One training step of the textbook network in float64, with all intermediate results kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mnist_np.component import ConfigError
from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.nn.params import ParamSpec
from mnist_np.streams import Streams
from mnist_np.training.penalty import Penalty, clip

EPSILON = 1e-6
"""The step of the differences."""

SMALL = 1e-3
"""A derivative that is not told from 0: a difference of two values of J has an error of about 1e-16 / e."""

LARGEST, RANDOM = 3, 20
"""Entries of each parameter whose derivative is checked: those with the largest, and others drawn at random."""


@dataclass(frozen=True)
class LayerPass:
    """A layer's part of the step: inputs X (m, n_in), outputs Y (m, n_out), dJ/dY, dJ/dX, and dJ/dp of its parameters."""

    layer: Layer
    name: str
    X: Array
    Y: Array
    dY: Array
    dX: Array
    grads: dict[str, Array]


@dataclass(frozen=True)
class Check:
    """The derivative of J by one entry of a parameter: by backpropagation, and by differences with e = `EPSILON`.

    ``left`` is (J(p) - J(p - e)) / e, ``right`` is (J(p + e) - J(p)) / e.
    """

    spec: ParamSpec
    index: tuple[int, ...]
    exact: float
    left: float
    right: float

    @property
    def numeric(self) -> float:
        """The central difference, (J(p + e) - J(p - e)) / 2e."""
        return (self.left + self.right) / 2

    @property
    def difference(self) -> float:
        """|exact - numeric| relative to the larger of the two, or to `SMALL` where both are smaller."""
        return abs(self.exact - self.numeric) / max(abs(self.exact), abs(self.numeric), SMALL)

    @property
    def kink(self) -> bool:
        """Whether J has a kink here, as where ReLU's z passes 0: it has two slopes, and backpropagation gives one of them."""
        return abs(self.right - self.left) > 1e-3 * max(abs(self.left), abs(self.right), SMALL)


@dataclass(frozen=True)
class Walk:
    """What a training step computes.

    Attributes:
        experiment: what was asked for.
        data: its data, of whose training split the batch is the beginning.
        network: the network before the update.
        X: inputs (m, n_features).
        Y: targets (m, n_classes), with a teacher's beside them where the loss is a distillation.
        labels: the classes (m,).
        passes: one for each layer, in forward order.
        logits: Z (m, n_classes).
        A: class probabilities (m, n_classes).
        losses: the loss of each example (m,).
        J: their mean, which is what the gradients are of.
        dZ: dJ/dZ (m, n_classes).
        shown: for each parameter some entries of its gradient, checked.
        worst: the largest relative difference of all the entries that were checked, where J has no kink.
        checked: how many were checked.
        kinks: at how many of them J has a kink.
        lr: the learning rate of the first step.
        step: the update (n,): what the optimizer adds to the parameters.
        J_after: the loss of the same batch after the update.
    """

    experiment: Experiment
    data: Dataset
    network: Network
    X: Array
    Y: Array
    labels: NDArray[np.intp]
    passes: list[LayerPass]
    logits: Array
    A: Array
    losses: Array
    J: float
    dZ: Array
    shown: list[Check]
    worst: float
    checked: int
    kinks: int
    lr: float
    step: Array
    J_after: float


def walk(experiment: Experiment, data: Dataset, m: int) -> Walk:
    """The first training step on the first ``m`` images of the training split, in float64.

    Raises ConfigError where there are fewer.
    """
    if not 1 <= m <= len(data.train):
        raise ConfigError("--images", m, f"must be a number from 1 to {len(data.train):,}, the images of the training split")
    experiment = replace(experiment, training=replace(experiment.training, dtype="float64"))
    network = experiment.build_network(data.n_features, data.n_classes)
    X, Y = data.train[:m].X.astype(np.float64), data.train[:m].targets.astype(np.float64)
    before, state = network.params.copy(), network.state.copy()

    def loss() -> float:
        """J at the network's present parameters, with the same random numbers each time."""
        network.state[:] = state
        return experiment.loss(network.forward(X, drawn(experiment))[0], Y)[0]

    passes, Z, J, dZ = forward_and_backward(network, X, Y, experiment)
    shown, checks = compare(network, loss)
    step, lr = update(experiment, network, X, Y, len(data.train))
    J_after = loss()
    network.params[:], network.state[:] = before, state
    return Walk(
        experiment,
        data,
        network,
        X,
        Y,
        data.train.labels[:m],
        passes,
        Z,
        network.probabilities(Z),
        np.array([experiment.loss(Z[i : i + 1], Y[i : i + 1])[0] for i in range(m)]),
        J,
        dZ,
        shown,
        max((check.difference for check in checks if not check.kink), default=0.0),
        len(checks),
        sum(check.kink for check in checks),
        lr,
        step,
        J_after,
    )


def drawn(experiment: Experiment) -> np.random.Generator:
    """The random numbers of dropout and noise in the first epoch."""
    return Streams(experiment.seed)("dropout", 0)


def forward_and_backward(
    network: Network, X: Array, Y: Array, experiment: Experiment
) -> tuple[list[LayerPass], Array, float, Array]:
    """Each layer's pass, logits, J and dJ/dZ: `Network.forward` and `Network.backward`, with all that lies between kept."""
    rng, inputs, caches = drawn(experiment), [X], []
    for layer in network.layers:
        output, cache = layer.forward(inputs[-1], rng)
        inputs.append(output)
        caches.append(cache)
    J, dZ = experiment.loss(inputs[-1], Y)
    dY, passes = dZ, []
    for i, layer in reversed(list(enumerate(network.layers))):
        dX = layer.backward(caches[i], dY)
        grads = {name: gradient.copy() for name, gradient in layer.grads.items()}
        passes.append(LayerPass(layer, name_of_layer(network, i), inputs[i], inputs[i + 1], dY, dX, grads))
        dY = dX
    return passes[::-1], inputs[-1], J, dZ


def name_of_layer(network: Network, i: int) -> str:
    """``Dense 2``, ``ReLU 2``: its kind, and the number of the Dense layer that it belongs to."""
    number = sum(isinstance(layer, Dense) for layer in network.layers[: i + 1])
    layer = network.layers[i]
    return f"{type(layer.activation if isinstance(layer, Activate) else layer).__name__} {number or 'of the input'}"


def compare(network: Network, loss: Callable[[], float]) -> tuple[list[Check], list[Check]]:
    """Entries of the gradient beside differences of J: the largest of each parameter, and all that were checked."""
    J, exact, rng = loss(), network.grads.copy(), np.random.default_rng(0)
    shown, checks = [], []
    for spec in network.specs:
        part = exact[spec.start : spec.stop]
        largest = np.argsort(-np.abs(part), kind="stable")[:LARGEST]
        others = rng.choice(len(part), min(RANDOM, len(part)), replace=False)
        for i in dict.fromkeys([*largest.tolist(), *others.tolist()]):
            index = tuple(int(k) for k in np.unravel_index(i, spec.shape))
            checks.append(Check(spec, index, float(part[i]), *slopes(network, spec.start + i, loss, J)))
            if i in largest:
                shown.append(checks[-1])
    return shown, checks


def slopes(network: Network, i: int, loss: Callable[[], float], J: float) -> tuple[float, float]:
    """(J(p) - J(p - e)) / e and (J(p + e) - J(p)) / e of parameter ``i``, whose value is put back."""
    p = network.params[i]
    network.params[i] = p - EPSILON
    left = (J - loss()) / EPSILON
    network.params[i] = p + EPSILON
    right = (loss() - J) / EPSILON
    network.params[i] = p
    return left, right


def update(experiment: Experiment, network: Network, X: Array, Y: Array, n_train: int) -> tuple[Array, float]:
    """What the optimizer adds to the parameters in its first step, which is made, and at which learning rate."""
    training, optimizer, loss = experiment.training, experiment.optimizer, experiment.loss
    per_epoch = 1 if optimizer.full_batch else -(-n_train // training.batch_size)
    lr = optimizer.lr * experiment.schedule(0, training.epochs * per_epoch, per_epoch)
    state = optimizer.init(network.params, network.specs)
    momentum = experiment.schedule.momentum(0, training.epochs * per_epoch, per_epoch)
    if momentum is not None:
        state["momentum"] = momentum
    before, penalty = network.params.copy(), Penalty(training, network)
    penalty.add_gradient()
    clip(network.grads, training.clip_value, training.clip_norm)
    objective = partial(penalised, network, X, Y, loss, experiment, penalty) if optimizer.full_batch else None
    optimizer.step(state, network.params, network.grads, lr, network.specs, objective)
    network.constrain()
    return network.params - before, lr


def penalised(network: Network, X: Array, Y: Array, loss: Loss, experiment: Experiment, penalty: Penalty) -> float:
    """Loss and penalty at the present parameters; their gradients are left in the network."""
    J = network.loss_and_gradients(X, Y, loss, drawn(experiment))
    penalty.add_gradient()
    return J + penalty.value()
