"""A trained network as steps for `mnist_np_inference`: what is left of it in inference, as plain data and arrays."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from mnist_np.component import UserError
from mnist_np.files import write_atomically
from mnist_np.nn.activation import Activation
from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.losses import BinaryCrossEntropy, Loss, MeanSquaredError
from mnist_np.nn.noise import Dropout, GaussianNoise
from mnist_np.nn.norms import BatchNorm, LayerNorm
from mnist_np.portable.mnist_np_inference import FUNCTIONS, KEY, Step
from mnist_np.storage.weights import Weights


class ExportError(UserError):
    """A network that has no form outside this project."""


def write_model(path: Path, weights: Weights) -> None:
    """Write what `mnist_np_inference.Network` reads. Raises ExportError for components of one's own, OSError."""
    steps, arrays = steps_of(weights)
    about = {
        "steps": steps,
        "probabilities": probabilities(weights.experiment.loss),
        "pixels": dataclasses.asdict(weights.pixels),
        "image_shape": list(weights.image_shape),
        "class_names": list(weights.class_names),
    }
    write_atomically(path, save(arrays, {KEY: json.dumps(about)}))


def steps_of(weights: Weights) -> tuple[list[Step], dict[str, Array]]:
    """The steps from prepared images to logits, and the arrays that they name."""
    steps: list[Step] = []
    arrays: dict[str, Array] = {}
    for i, layer in enumerate(weights.network.layers, 1):
        if isinstance(layer, Dropout | GaussianNoise):  # of training alone
            continue
        step = step_of(layer)
        for name, array in (layer.params | layer.state).items():
            step[name] = f"{i}.{name}"
            arrays[step[name]] = np.ascontiguousarray(array)
        steps.append(step)
    return steps, arrays


def step_of(layer: Layer) -> Step:
    """The operation of a layer, without its arrays."""
    if isinstance(layer, Dense):
        return {"op": "dense"}
    if isinstance(layer, BatchNorm):
        return {"op": "batch_norm", "epsilon": layer.epsilon}
    if isinstance(layer, LayerNorm):
        return {"op": "layer_norm", "epsilon": layer.epsilon}
    assert isinstance(layer, Activate)
    return activation_step(layer.activation)


def activation_step(activation: Activation) -> Step:
    """The function of an activation. Raises ExportError for one that `mnist_np_inference` does not know."""
    names = [name for name, kind in ACTIVATIONS.items() if kind is type(activation) and name in FUNCTIONS]
    if not names:
        raise ExportError(
            f"{type(activation).__name__} is an activation of your own: only those of conf/activation can be exported"
        )
    return called(names[0], **dataclasses.asdict(activation))


def probabilities(loss: Loss) -> list[Step]:
    """The steps from logits to probabilities, as ``loss`` understands them. Raises ExportError for a way of its own."""
    if type(loss).probabilities is Loss.probabilities:
        return [called("softmax")]
    if type(loss).probabilities is BinaryCrossEntropy.probabilities:
        return [called("sigmoid")]
    if isinstance(loss, MeanSquaredError) and type(loss).probabilities is MeanSquaredError.probabilities:
        return [called(loss.output), called("clip")]
    raise ExportError(f"{type(loss).__name__} is a loss of your own with its own probabilities, which cannot be exported")


def called(name: str, **parameters: object) -> Step:
    return {"op": "function", "name": name, "parameters": parameters}
