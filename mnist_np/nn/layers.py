"""The layers of a fully connected network: forward, and backward by the chain rule.

A layer maps X (m, n_in) to Y (m, n_out), one example a row. In backward dY stands for dJ/dY, the derivative of the loss by
the layer's output. The loss is a mean over the batch, so its 1/m is in dY from the start (`losses.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from mnist_np.nn.activation import Activation
from mnist_np.nn.arrays import Array
from mnist_np.nn.initializers import Initializer


class Layer(ABC):
    """One step of the network.

    ``shapes`` names its trained parameters, ``state_shapes`` what it keeps without training it (running statistics).
    ``params``, ``grads`` and ``state`` are the arrays of these names: views of the network's flat vectors.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        self.n_in, self.n_out = n_in, n_out
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.state_shapes: dict[str, tuple[int, ...]] = {}
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.state: dict[str, Array] = {}

    def __repr__(self) -> str:
        return type(self).__name__

    def initialize(self, rng: np.random.Generator) -> None:
        """Fill ``params`` and ``state`` with their first values."""

    @abstractmethod
    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, Any]:
        """The output Y, and whatever `backward` needs. ``rng`` is given in training and None in inference."""

    @abstractmethod
    def backward(self, cache: Any, dY: Array) -> Array:
        """dX, from what `forward` gave and dY. The derivatives by the parameters go to ``grads``."""

    def set_grads(self, **grads: Array) -> None:
        """Copy the derivatives by the parameters, by name, to their places in the network's flat vector."""
        for name, gradient in grads.items():
            self.grads[name][:] = gradient


class Dense(Layer):
    """Z = X W + b, with weights W (n_in, n_out) and biases b (n_out,).

    ``max_norm`` caps the length of each unit's incoming weights, a column of W (`constrain`).
    """

    def __init__(self, n_in: int, n_out: int, init: Initializer, max_norm: float | None = None) -> None:
        super().__init__(n_in, n_out)
        self.init, self.max_norm = init, max_norm
        self.shapes = {"W": (n_in, n_out), "b": (n_out,)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.params["W"][:] = self.init(self.n_in, self.n_out, rng)
        self.params["b"][:] = self.init.bias

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, Array]:
        W, b = self.params["W"], self.params["b"]
        Z = X @ W + b
        return Z, X

    def backward(self, X: Array, dZ: Array) -> Array:
        W = self.params["W"]
        dW = X.T @ dZ
        db = dZ.sum(axis=0)
        dX = dZ @ W.T
        self.set_grads(W=dW, b=db)
        return dX

    def constrain(self) -> None:
        """W_j <- W_j * min(1, max_norm / |W_j|) for each column W_j (Hinton et al. 2012), after every update."""
        if self.max_norm is not None:
            W = self.params["W"]
            lengths = np.linalg.norm(W, axis=0)
            W *= self.max_norm / np.maximum(lengths, self.max_norm)


class Activate(Layer):
    """A = g(Z) for the activation g of n units. Z is (m, n), or (m, n k) where each unit has k pieces (maxout).

    Arrays are cast to Z's dtype: a g' of one's own may give another one, as ``np.where(Z > 0, 1.0, 0.1)`` does.
    """

    def __init__(self, n: int, activation: Activation) -> None:
        super().__init__(n * activation.pieces, n)
        self.activation = activation

    def __repr__(self) -> str:
        return type(self.activation).__name__ + (f" -> {self.n_out}" if self.n_in > self.n_out else "")

    def forward(self, Z: Array, rng: np.random.Generator | None = None) -> tuple[Array, Array]:
        g = self.activation.g
        A = g(Z)
        return A.astype(Z.dtype, copy=False), Z

    def backward(self, Z: Array, dA: Array) -> Array:
        g_prime = self.activation.g_prime
        if self.n_in > self.n_out:
            dA = np.tile(dA, self.activation.pieces)  # of a unit, for each of its pieces
        dZ = dA * g_prime(Z)
        return dZ.astype(Z.dtype, copy=False)
