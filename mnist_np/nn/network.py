"""A network: layers in a row over one flat vector of parameters and one of gradients.

Usable without any configuration::

    network = MLP(hidden=[128, 64]).build(784, 10, rng=np.random.default_rng(0))
    loss = network.loss_and_gradients(X, Y, CrossEntropy(), rng)
    network.params -= 0.1 * network.grads
    network.predict(X)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.layers import Dense, Layer
from mnist_np.nn.losses import Loss, softmax
from mnist_np.nn.staircase import BlockSparseDense, Steps

PIECE = 500
"""Examples at a time in inference: enough for the matrix products, and few enough that the activations stay in the cache."""


@dataclass(frozen=True)
class ParamSpec:
    """Where a named array lies in a flat vector: ``vector[start:stop].reshape(shape)``. Names are like ``W1``, ``b1``."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def is_weight(self) -> bool:
        """Whether this is a weight matrix: what decays and what is orthogonalised, unlike biases and norm parameters."""
        return len(self.shape) == 2

    def view(self, vector: Array) -> Array:
        """The array itself, sharing the vector's memory."""
        return vector[self.start : self.stop].reshape(self.shape)


class Workspace:
    """The arrays of one pass over m examples: each layer's output, its derivative and its scratch."""

    def __init__(self, layers: Sequence[Layer], m: int, dtype: Any) -> None:
        self.m = m
        self.outputs: list[Array] = []
        self.gradients: list[Array] = []
        self.scratch: list[Scratch] = [layer.scratch(m, dtype) for layer in layers]
        previous = None  # the network's input itself is never overwritten
        for layer in layers:
            over_input = previous is not None and layer.in_place and not previous.reads_output
            self.outputs.append(self.outputs[-1] if over_input else np.empty((m, layer.n_out), dtype))
            over_gradient = previous is not None and layer.elementwise
            self.gradients.append(self.gradients[-1] if over_gradient else np.empty((m, layer.n_out), dtype))
            previous = layer
        self._loss: Loss | None = None
        self._loss_scratch: Scratch = {}

    def loss_scratch(self, loss: Loss, Y: Array) -> Scratch:
        """The arrays for the loss of these m examples' logits against targets of the shape of Y."""
        if self._loss is not loss or self._loss_scratch["Y"].shape[0] != Y.shape[1]:
            self._loss, self._loss_scratch = loss, loss.scratch(self.outputs[-1], Y)
        return self._loss_scratch


class Network:
    """Layers applied one after the other, from inputs (m, n_in) to logits (m, n_out).

    ``params`` and ``grads`` are flat vectors of one dtype, ``state`` a third for what is remembered without being trained
    (running statistics). ``specs`` and ``state_specs`` name the arrays in them; the layers hold views. ``rng`` draws the
    first weights; without it all is zero, to be loaded. ``bias_gradients`` are those views of ``grads`` that are vectors.
    ``probabilities`` turns logits into those of the classes, as the loss sees them.
    """

    def __init__(self, layers: Sequence[Layer], rng: np.random.Generator | None, dtype: Any = np.float32) -> None:
        self.layers = list(layers)
        self.dtype = np.dtype(dtype)
        self.specs, self.state_specs = _param_specs(self.layers, "shapes"), _param_specs(self.layers, "state_shapes")
        self.params = np.zeros(self.specs[-1].stop if self.specs else 0, self.dtype)
        self.grads = np.zeros_like(self.params)
        self.state = np.zeros(self.state_specs[-1].stop if self.state_specs else 0, self.dtype)
        specs, state_specs = iter(self.specs), iter(self.state_specs)
        for layer in self.layers:
            for name in layer.shapes:
                spec = next(specs)
                layer.params[name], layer.grads[name] = spec.view(self.params), spec.view(self.grads)
            for name in layer.state_shapes:
                layer.state[name] = next(state_specs).view(self.state)
            if rng is not None:
                layer.initialize(rng)
        self._staircase = BlockSparseDense(self.layers[0]) if isinstance(self.layers[0], Dense) else None
        self._first_trained = next((i for i, layer in enumerate(self.layers) if layer.shapes), 0)
        gradients = [gradient for layer in self.layers for gradient in layer.grads.values()]
        self.bias_gradients = [gradient for gradient in gradients if gradient.ndim == 1]
        self._capped = [layer for layer in self.layers if isinstance(layer, Dense) and layer.max_norm is not None]
        self.probabilities: Callable[[Array], Array] = softmax
        self._workspaces: dict[int, Workspace] = {}
        self._workspace: Workspace | None = None

    @property
    def n_in(self) -> int:
        return self.layers[0].n_in

    @property
    def n_out(self) -> int:
        return self.layers[-1].n_out

    def workspace(self, m: int) -> Workspace:
        """The arrays for batches of m examples, made once; those of the three sizes used last are kept."""
        if self._workspace is None or self._workspace.m != m:
            self._workspace = self._workspaces.pop(m, None) or Workspace(self.layers, m, self.dtype)
            self._workspaces[m] = self._workspace
            if len(self._workspaces) > 3:
                self._workspaces.pop(next(iter(self._workspaces)))
        return self._workspace

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> Array:
        """Logits (m, n_out) of inputs X (m, n_in). With ``rng`` a training pass, without it inference.

        The result lies in the workspace and is overwritten by the next pass over as many examples.
        """
        return self._forward(self.layers, X, rng)

    def _forward(self, layers: Sequence[Layer], X: Array, rng: np.random.Generator | None) -> Array:
        workspace = self.workspace(len(X))
        for layer, Y, scratch in zip(layers, workspace.outputs, workspace.scratch, strict=True):
            if rng is None and layer.stochastic:
                continue
            layer.forward(X, Y, scratch, rng)
            X = Y
        return X

    def backward(self, X: Array, dZ: Array) -> None:
        """Fill ``grads`` from dZ, the loss's derivative by the logits that `forward` just gave for X."""
        gradients = self.workspace(len(X)).gradients
        if dZ is not gradients[-1]:
            np.copyto(gradients[-1], dZ)
        self._backward(self.layers, X)

    def _backward(self, layers: Sequence[Layer], X: Array) -> None:
        workspace = self.workspace(len(X))
        outputs, gradients = workspace.outputs, workspace.gradients
        for i in reversed(range(self._first_trained, len(layers))):
            X_i = outputs[i - 1] if i else X
            dX = gradients[i - 1] if i > self._first_trained else None
            layers[i].backward(X_i, outputs[i], gradients[i], dX, workspace.scratch[i])

    def loss_and_gradients(
        self,
        X: Array,
        Y: Array,
        loss: Loss,
        rng: np.random.Generator,
        scale: float = 1.0,
        steps: Steps | None = None,
    ) -> float:
        """The loss of one training pass over X (m, n_in) with targets Y (m, n_out); ``scale`` times its gradients is left in
        ``grads``. ``steps`` promise where X is zero, which then costs nothing."""
        layers = self.layers
        if steps and self._staircase:
            self._staircase.steps = steps
            layers = [self._staircase, *layers[1:]]
        logits = self._forward(layers, X, rng)
        workspace = self.workspace(len(X))
        value = loss.value(logits, Y, workspace.gradients[-1], workspace.loss_scratch(loss, Y), scale)
        self._backward(layers, X)
        return value

    def constrain(self) -> None:
        """Bring the weights back to where they are allowed to be, after an update: max-norm."""
        for layer in self._capped:
            layer.constrain()

    def logits(self, X: Array) -> Array:
        """Logits (m, n_out) of any number of inputs X (m, n_in) in inference, of a few at a time.

        Like those of `forward`, they may be overwritten by the next pass.
        """
        X = np.asarray(X, self.dtype)
        if len(X) <= PIECE:
            return self.forward(X)
        logits = np.empty((len(X), self.n_out), self.dtype)
        for start in range(0, len(X), PIECE):
            logits[start : start + PIECE] = self.forward(X[start : start + PIECE])
        return logits

    def predict_proba(self, X: Array) -> Array:
        """Class probabilities (m, n_out) of X (m, n_in)."""
        return self.probabilities(self.logits(X))

    def predict(self, X: Array) -> NDArray[np.intp]:
        """The most probable class (m,) of each row of X (m, n_in)."""
        classes: NDArray[np.intp] = self.logits(X).argmax(axis=1)
        return classes

    def arrays(self) -> dict[str, Array]:
        """Every parameter and remembered statistic by name (``W1``, ``b1``, ...), as views."""
        named = {spec.name: spec.view(self.params) for spec in self.specs}
        return named | {spec.name: spec.view(self.state) for spec in self.state_specs}

    def load_arrays(self, arrays: dict[str, Array]) -> None:
        """Copy arrays by name into this network. Raises ValueError naming what is missing, left over or of another shape."""
        own = self.arrays()
        if own.keys() != arrays.keys():
            missing, extra = sorted(own.keys() - arrays.keys()), sorted(arrays.keys() - own.keys())
            raise ValueError(f"weights do not fit this network: missing {missing}, unknown {extra}")
        for name, array in own.items():
            if array.shape != arrays[name].shape:
                raise ValueError(f"weights do not fit this network: {name} is {arrays[name].shape}, expected {array.shape}")
            array[...] = arrays[name]


def _param_specs(layers: Sequence[Layer], attribute: str) -> list[ParamSpec]:
    """Lay the layers' arrays out one after the other. Names carry the number of the Dense layer that they belong to."""
    specs: list[ParamSpec] = []
    number, start = 0, 0
    for layer in layers:
        number += isinstance(layer, Dense)
        for name, shape in getattr(layer, attribute).items():
            specs.append(ParamSpec(f"{name}{number}", start, start + prod(shape), shape))
            start += prod(shape)
    return specs
