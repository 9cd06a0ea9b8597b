"""Weights as one safetensors file that rebuilds its network by itself: arrays, and the experiment that made them. No pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mnist_np.component import ConfigError
from mnist_np.data.dataset import Dataset, PixelMap
from mnist_np.experiment import Experiment
from mnist_np.files import write_atomically
from mnist_np.nn.network import Network
from mnist_np.serialize import from_dict, to_dict

KEY = "mnist_np"
"""The only key of the file's metadata: several would be written in an arbitrary order, and equal weights shall be equal files."""


class WeightsError(ValueError):
    """A file that is not the weights of a network of this project. The message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Weights:
    """A network read from a file, and what it was trained for. ``pixels`` is what images must go through before it sees them."""

    network: Network
    experiment: Experiment
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    pixels: PixelMap
    about: dict[str, Any]


def save_weights(path: Path, network: Network, experiment: Experiment, data: Dataset) -> None:
    """Write ``network`` to ``path``, with all that `load_weights` needs to build it again."""
    about = {
        "experiment": to_dict(experiment, only_effective=True),
        "n_in": network.n_in,
        "n_out": network.n_out,
        "data": {"name": data.name, "sha256": data.sha256},
        "image_shape": list(data.image_shape),
        "class_names": list(data.class_names),
        "pixels": asdict(data.pixels),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in network.arrays().items()}
    write_atomically(path, save(arrays, {KEY: json.dumps(about, sort_keys=True)}))


def load_weights(path: Path) -> Weights:
    """The network in ``path``. Runs no code of the file. Raises WeightsError if it is not what `save_weights` wrote."""
    try:
        with safe_open(path, "numpy") as file:
            about = json.loads((file.metadata() or {})[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
        experiment = from_dict(Experiment, about["experiment"])
        network = experiment.build_network(about["n_in"], about["n_out"])
        network.load_arrays(arrays)
        height, width = about["image_shape"]
        return Weights(network, experiment, (height, width), tuple(about["class_names"]), PixelMap(**about["pixels"]), about)
    except FileNotFoundError:
        raise WeightsError(f"{path}: there is no such file") from None
    except KeyError as error:
        raise WeightsError(f"{path}: not the weights of this project: {error} is missing from its metadata") from None
    except (OSError, SafetensorError, ConfigError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: not readable as the weights of a network: {error}") from None
