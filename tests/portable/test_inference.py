"""The exported network gives the probabilities of the trained one, for every activation, norm, loss and preprocessing."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activations import ACTIVATIONS, GELU, ReLU
from mnist_np.nn.losses import LOSSES, MeanSquaredError
from mnist_np.nn.mlp import MLP
from mnist_np.portable import mnist_np_inference
from mnist_np.portable.mnist_np_inference import Network
from mnist_np.portable.program import ExportError, write_model
from mnist_np.storage.weights import load_weights, save_weights

TRAINING = Training(epochs=1, batch_size=64)


def exported(folder, **parts):
    """The network of a short training, its weights, and the exported one."""
    experiment = Experiment(**({"model": MLP(hidden=[8, 6]), "data": Synthetic(), "training": TRAINING} | parts))
    result = run(experiment, [])
    save_weights(folder / "weights.safetensors", result.network, experiment, result.data)
    weights = load_weights(folder / "weights.safetensors")
    write_model(folder / "model.safetensors", weights)
    return result.data, weights, Network(folder / "model.safetensors")


CASES = [
    *({"activation": kind()} for kind in ACTIVATIONS.values()),
    {"activation": GELU(form="tanh")},
    *({"loss": kind()} for name, kind in LOSSES.items() if name != "distillation"),
    *({"loss": MeanSquaredError(output=output)} for output in ("identity", "sigmoid", "softmax")),
    *(
        {"model": MLP(hidden=[8, 6], norm=norm, norm_position=place)}
        for norm in ("batch", "layer")
        for place in ("before", "after")
    ),
    {"model": MLP(hidden=[8], norm="batch", norm_output=True)},
    {"model": MLP(hidden=[8, 6], activations=["tanh", None], dropout=0.2, noise=0.1, input_dropout=0.1, input_noise=0.1)},
    {"model": MLP(hidden=[])},
    *({"data": Synthetic(preprocess=name)} for name in ("scale", "standardize", "symmetric", "binarize")),
    {"data": Synthetic(side=3, classes=2)},
]


@pytest.mark.parametrize("parts", CASES, ids=str)
def test_the_probabilities_are_the_same(parts, tmp_path):
    data, weights, network = exported(tmp_path, **parts)
    P = weights.network.predict_proba(data.test.X)
    images = np.clip(data.pixels.inverse(data.test.X), 0, 1)
    np.testing.assert_allclose(network.predict_proba(images), P, atol=1e-6)
    np.testing.assert_allclose(network.predict_proba(images.reshape(-1, *data.image_shape)), P, atol=1e-6)
    assert network.class_names == list(data.class_names)


def test_bytes_are_pixels(tmp_path):
    data, _, network = exported(tmp_path)
    pixels = np.round(255 * data.test.X).astype(np.uint8)
    np.testing.assert_allclose(network.predict_proba(pixels), network.predict_proba(data.test.X), atol=1e-6)


def test_no_image_one_and_many(tmp_path, monkeypatch):
    data, _, network = exported(tmp_path)
    whole = network.predict_proba(data.test.X)
    monkeypatch.setattr(mnist_np_inference, "PIECE", 50)
    np.testing.assert_allclose(network.predict_proba(data.test.X), whole, atol=1e-6)
    assert network.predict_proba(data.test.X[:1]).shape == (1, 4)
    assert network.predict_proba(data.test.X[:0]).shape == (0, 4)


def test_images_of_another_size_are_refused(tmp_path):
    _, _, network = exported(tmp_path)
    for shape in [(2, 7, 8), (64,), (2, 65)]:
        with pytest.raises(ValueError, match=r"must have the shape \(n, 8, 8\) or \(n, 64\)"):
            network.predict_proba(np.zeros(shape))


@pytest.mark.parametrize("images", [np.full((1, 64), x) for x in (255, 255.0, -0.1, np.nan)], ids=str)
def test_pixels_of_another_range_are_refused(images, tmp_path):
    """Numbers from 0 to 255 that are not bytes, as a table gives them, would give other classes."""
    _, _, network = exported(tmp_path)
    with pytest.raises(ValueError, match="pixels must lie between 0 and 1, or be uint8 from 0 to 255"):
        network.predict_proba(images)


def test_an_activation_of_ones_own_is_refused(tmp_path):
    class Own(ReLU):
        pass

    _, weights, _ = exported(tmp_path)
    weights.network.layers[1].activation = Own()
    with pytest.raises(ExportError, match="Own is an activation of your own"):
        write_model(tmp_path / "other.safetensors", dataclasses.replace(weights))


def test_it_imports_numpy_and_safetensors_alone(tmp_path):
    file = Path(mnist_np_inference.__file__)
    code = f"import sys; sys.path.insert(0, {str(file.parent)!r}); import mnist_np_inference; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
    assert not {"mnist_np", "mlflow", "hydra", "matplotlib", "yaml"} & set(loaded)
