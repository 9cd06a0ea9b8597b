"""A network trained by mnist-np, with NumPy and safetensors alone: this file goes with the weights.

::

    from mnist_np_inference import Network

    network = Network("model.safetensors")
    P = network.predict_proba(images)  # (n, height, width) or (n, pixels): from 0 (black) to 1 (white), or uint8 from 0 to 255
    network.class_names[P[0].argmax()]

The file of the weights holds the steps of the network as JSON, each an operation of `OPERATIONS`. It is read as data: no code of
it runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

Array = NDArray[np.floating]
Step = dict[str, Any]
KEY = "mnist_np_inference"
"""The metadata that describes the network."""

PIECE = 1000
"""Images at a time, so that the memory needed does not grow with their number."""


class Network:
    """The network in ``path``.

    Attributes:
        class_names: what the columns of the probabilities are.
        image_shape: height and width.
    """

    def __init__(self, path: str | Path) -> None:
        with safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()[KEY])
            self.arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dictionary)
        self.steps: list[Step] = about["steps"]
        self.class_names: list[str] = about["class_names"]
        self.image_shape: tuple[int, int] = tuple(about["image_shape"])
        self.pixels: dict[str, float] = about["pixels"]
        self.probabilities: list[Step] = about["probabilities"]

    def prepare(self, images: Array) -> Array:
        """What the network sees (n, pixels) of images. Raises ValueError for those of another size or range."""
        X = np.asarray(images)
        scale = 255 if X.dtype == np.uint8 else 1
        height, width = self.image_shape
        if X.shape[1:] not in [(height, width), (height * width,)]:
            raise ValueError(f"images must have the shape (n, {height}, {width}) or (n, {height * width}), not {X.shape}")
        X = X.reshape(len(X), height * width).astype(np.float32) / np.float32(scale)
        if not ((X > -1e-5) & (X < 1 + 1e-5)).all():  # with room for rounding; false for NaN too
            raise ValueError("pixels must lie between 0 and 1, or be uint8 from 0 to 255")
        if self.pixels["binary"]:
            return (X >= 0.5).astype(np.float32)
        return X * np.float32(self.pixels["gain"]) + np.float32(self.pixels["offset"])

    def logits(self, images: Array) -> Array:
        """The outputs of the last layer (n, classes)."""
        return self._run(images, self.steps)

    def predict_proba(self, images: Array) -> Array:
        """The probabilities of the classes (n, classes)."""
        return self._run(images, [*self.steps, *self.probabilities])

    def _run(self, images: Array, steps: list[Step]) -> Array:
        X = self.prepare(images)
        outputs = [np.empty((0, len(self.class_names)), np.float32)]
        for start in range(0, len(X), PIECE):
            A = X[start : start + PIECE]
            for step in steps:
                A = OPERATIONS[step["op"]](A, step, self.arrays)
            outputs.append(A)
        return np.concatenate(outputs)


def dense(X: Array, step: Step, arrays: dict[str, Array]) -> Array:
    return X @ arrays[step["W"]] + arrays[step["b"]]


def batch_norm(X: Array, step: Step, arrays: dict[str, Array]) -> Array:
    X_hat = (X - arrays[step["mean"]]) / np.sqrt(arrays[step["variance"]] + np.float32(step["epsilon"]))
    return arrays[step["gamma"]] * X_hat + arrays[step["beta"]]


def layer_norm(X: Array, step: Step, arrays: dict[str, Array]) -> Array:
    mean, variance = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)
    X_hat = (X - mean) / np.sqrt(variance + np.float32(step["epsilon"]))
    return arrays[step["gamma"]] * X_hat + arrays[step["beta"]]


def sigmoid(Z: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * Z))


def softmax(Z: Array) -> Array:
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def elu(Z: Array, alpha: float) -> Array:
    return np.maximum(0, Z) + alpha * np.expm1(np.minimum(0, Z))


def gelu(Z: Array, form: str) -> Array:
    if form == "tanh":
        return 0.5 * Z * (1 + np.tanh(math.sqrt(2 / math.pi) * (Z + 0.044715 * Z * Z * Z)))
    return (0.5 * Z * (1 + np.vectorize(math.erf, otypes=[float])(Z / math.sqrt(2)))).astype(Z.dtype)


def maxout(Z: Array, pieces: int) -> Array:
    return Z.reshape(len(Z), pieces, Z.shape[1] // pieces).max(axis=1)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "relu": lambda Z: np.maximum(0, Z),
    "leaky_relu": lambda Z, alpha: np.maximum(Z, alpha * Z),
    "elu": elu,
    "selu": lambda Z: 1.0507009873554805 * elu(Z, 1.6732632423543772),
    "gelu": gelu,
    "silu": lambda Z: Z * sigmoid(Z),
    "softplus": lambda Z: np.maximum(0, Z) + np.log1p(np.exp(-np.abs(Z))),
    "softsign": lambda Z: Z / (1 + np.abs(Z)),
    "tanh": np.tanh,
    "scaled_tanh": lambda Z, amplitude, slope: amplitude * np.tanh(slope * Z),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda Z, slope: np.minimum(1, np.maximum(0, slope * Z + 0.5)),
    "identity": lambda Z: Z,
    "maxout": maxout,
    "softmax": softmax,
    "clip": lambda Z: np.clip(Z, 0, 1),
}
"""By the names of the options of ``activation``, with their parameters; and what turns logits into probabilities."""


def function(Z: Array, step: Step, arrays: dict[str, Array]) -> Array:
    return FUNCTIONS[step["name"]](Z, **step["parameters"])


OPERATIONS: dict[str, Callable[[Array, Step, dict[str, Array]], Array]] = {
    "dense": dense,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "function": function,
}
