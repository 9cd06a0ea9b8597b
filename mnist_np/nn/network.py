"""A network: layers in a row over one flat vector of parameters and one of gradients.

Usable without any configuration::

    network = MLP(hidden=[128, 64]).build(784, 10, rng=np.random.default_rng(0))
    J = network.loss_and_gradients(X, Y, CrossEntropy(), rng)
    network.params -= 0.1 * network.grads
    network.predict(X)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Dense, Layer
from mnist_np.nn.losses import Loss, softmax
from mnist_np.nn.params import FlatParameters

PIECE = 500
"""Examples at a time in inference: enough for the matrix products, and few enough that the activations stay in the cache."""


class Network(FlatParameters):
    """Layers applied one after the other, from inputs (m, n_in) to logits (m, n_out).

    ``params`` is one flat vector of all parameters, ``grads`` that of the derivatives by them. ``rng`` draws the first weights;
    without it all is zero, to be loaded. ``probabilities`` turns logits into those of the classes, as the loss sees them.
    """

    def __init__(self, layers: Sequence[Layer], rng: np.random.Generator | None, dtype: DTypeLike = np.float32) -> None:
        super().__init__(layers, rng, dtype)
        self.layers = list(layers)
        self.n_in, self.n_out = layers[0].n_in, layers[-1].n_out
        self.probabilities: Callable[[Array], Array] = softmax

    def __repr__(self) -> str:
        sizes = [f"-> {a.n_out}" if isinstance(a, Dense) else repr(a) for a in self.layers]
        return f"Network({self.n_in} {' '.join(sizes)}; {self.params.size:,} parameters, {np.dtype(self.dtype).name})"

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, list[object]]:
        """Logits Z (m, n_out) of inputs X (m, n_in), and what each layer needs for `backward`.

        With ``rng`` a training pass, without it inference.
        """
        caches = []
        for layer in self.layers:
            X, cache = layer.forward(X, rng)
            caches.append(cache)
        return X, caches

    def backward(self, caches: list[object], dZ: Array) -> Array:
        """Fill ``grads`` from dZ, the loss's derivative by the logits; gives that by the inputs."""
        for layer, cache in zip(reversed(self.layers), reversed(caches), strict=True):
            dZ = layer.backward(cache, dZ)
        return dZ

    def loss_and_gradients(self, X: Array, Y: Array, loss: Loss, rng: np.random.Generator) -> float:
        """The loss J of one training pass over X (m, n_in) with targets Y (m, n_out); its gradients are left in ``grads``."""
        Z, caches = self.forward(X, rng)
        J, dZ = loss(Z, Y)
        self.backward(caches, dZ)
        return J

    def logits(self, X: Array) -> Array:
        """Logits (m, n_out) of any number of inputs X (m, n_in) in inference, of a few at a time."""
        X = np.asarray(X, self.dtype)
        if len(X) <= PIECE:
            return self.forward(X)[0]
        return np.concatenate([self.forward(X[start : start + PIECE])[0] for start in range(0, len(X), PIECE)])

    def predict_proba(self, X: Array) -> Array:
        """Class probabilities (m, n_out) of X (m, n_in)."""
        return self.probabilities(self.logits(X))

    def predict(self, X: Array) -> NDArray[np.intp]:
        """The most probable class (m,) of each row of X (m, n_in)."""
        classes: NDArray[np.intp] = self.logits(X).argmax(axis=1)
        return classes

    def constrain(self) -> None:
        """Bring the weights back to where they are allowed to be, after an update: max-norm."""
        for layer in self.layers:
            if isinstance(layer, Dense):
                layer.constrain()
