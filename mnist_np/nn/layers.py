"""The layers of a fully connected network. Each is a forward and a backward step; all arrays are handed in by the network.

A layer maps X (m, n_in) to Y (m, n_out), m examples in the rows. Backward gets dY, the loss's derivative by Y, and writes the
derivatives by its parameters into its ``gradients`` and, if asked, the one by X into dX. The mean over the batch is already
in dY: the loss divides by m once (`losses.py`), so dW = X^T dY and db = 1^T dY need no m of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, ClassVar

import numpy as np

from mnist_np.nn.activations import Activation
from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.initializers import Initializer


class Layer(ABC):
    """One step of the network.

    ``shapes`` names its trained parameters, ``state_shapes`` what it remembers without training it (running statistics);
    the network lays both out in flat vectors and gives the layer views of them: ``params``, ``grads``, ``state``.
    """

    elementwise: ClassVar[bool] = True
    """Whether Y has the shape of X: the backward step then turns dY into dX in place."""
    in_place: ClassVar[bool] = False
    """Whether Y may overwrite X: whether this layer's own backward step can do without X."""
    reads_output: ClassVar[bool] = False
    """Whether the backward step reads Y, so that the next layer must not overwrite it."""
    stochastic: ClassVar[bool] = False
    """Whether the training pass draws random numbers. Such a layer does nothing in inference and is left out there."""

    def __init__(self, n_in: int, n_out: int) -> None:
        self.n_in, self.n_out = n_in, n_out
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.state_shapes: dict[str, tuple[int, ...]] = {}
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.state: dict[str, Array] = {}

    def initialize(self, rng: np.random.Generator) -> None:
        """Fill ``params`` and ``state`` with their first values."""

    def unbound(self) -> Layer:
        """A copy without arrays, for another network."""
        other = copy(self)
        other.params, other.grads, other.state = {}, {}, {}
        return other

    def scratch(self, m: int, dtype: Any) -> Scratch:
        """The arrays that this layer's passes over m examples need beside X, Y, dY and dX."""
        return {}

    @abstractmethod
    def forward(self, X: Array, Y: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        """Write Y from X. ``rng`` is given in training and None in inference."""

    @abstractmethod
    def backward(self, X: Array, Y: Array, dY: Array, dX: Array | None, scratch: Scratch) -> None:
        """Write ``grads`` and, unless None, dX, from dY. Called after forward in training, with the same arrays.

        dX is dY itself where the layer is ``elementwise``; dY may be overwritten in any case.
        """


class Dense(Layer):
    """Z = X W + b, with W (n_in, n_out) and b (n_out,).

    ``max_norm`` caps the length of each unit's incoming weights, a column of W (`constrain`).
    """

    elementwise: ClassVar[bool] = False

    def __init__(self, n_in: int, n_out: int, init: Initializer, max_norm: float | None = None) -> None:
        super().__init__(n_in, n_out)
        self.init, self.max_norm = init, max_norm
        self.shapes = {"W": (n_in, n_out), "b": (n_out,)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.params["W"][:] = self.init(self.n_in, self.n_out, rng)
        self.params["b"][:] = self.init.bias

    def scratch(self, m: int, dtype: Any) -> Scratch:
        return {"ones": np.ones(m, dtype)}

    def forward(self, X: Array, Z: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        """Z = X W + b."""
        np.matmul(X, self.params["W"], out=Z)
        Z += self.params["b"]

    def backward(self, X: Array, Z: Array, dZ: Array, dX: Array | None, scratch: Scratch) -> None:
        """dW = X^T dZ; db = 1^T dZ, the sum over the batch; dX = dZ W^T."""
        np.matmul(X.T, dZ, out=self.grads["W"])
        np.dot(scratch["ones"], dZ, out=self.grads["b"])  # a product with ones takes a third of the time of np.sum
        if dX is not None:
            np.matmul(dZ, self.params["W"].T, out=dX)

    def constrain(self) -> None:
        """W_j <- W_j * min(1, max_norm / |W_j|) for each column W_j (Hinton et al. 2012), after every update."""
        if self.max_norm is not None:
            W = self.params["W"]
            lengths = np.sqrt(np.einsum("ij,ij->j", W, W))
            W *= self.max_norm / np.maximum(lengths, self.max_norm)


class Activate(Layer):
    """A = g(Z), elementwise, for the chosen activation g."""

    reads_output: ClassVar[bool] = True  # all derivatives but two follow from A, and diagnostics look at it

    def __init__(self, n: int, activation: Activation) -> None:
        super().__init__(n, n)
        self.activation = activation
        self.in_place = activation.in_place  # type: ignore[misc]

    def scratch(self, m: int, dtype: Any) -> Scratch:
        return self.activation.scratch(m, self.n_out, dtype)

    def forward(self, Z: Array, A: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        self.activation.forward(Z, A, scratch)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array | None, scratch: Scratch) -> None:
        """dZ = dA * g'(Z)."""
        self.activation.backward(Z, A, dA, scratch)
