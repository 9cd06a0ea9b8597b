"""Weights as one safetensors file that rebuilds its network by itself: arrays, and the experiment that made them. No pickle."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mnist_np.component import ConfigError, UserError
from mnist_np.data.dataset import Dataset, PixelMap
from mnist_np.experiment import Experiment
from mnist_np.nn.network import Network
from mnist_np.serialize import from_dict, to_dict
from mnist_np.tensorfile import TensorFileError, open_tensors, write_tensors


class WeightsError(UserError):
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
    write_tensors(path, about, dict(network.arrays()))


def load_weights(path: Path) -> Weights:
    """The network in ``path``. Runs no code of the file, and needs no more memory than the file's own size a few times over.

    Raises WeightsError if it is not what `save_weights` wrote.
    """
    try:
        file = open_tensors(path)
        about = file.about
        experiment = from_dict(Experiment, about["experiment"])
        sizes = [about["n_in"], *experiment.model.hidden, about["n_out"]]
        if sum(n_in * n_out for n_in, n_out in pairwise(sizes)) > file.n_numbers:
            raise ValueError(f"its {file.n_numbers:,} numbers are too few for layers of {sizes}")
        network = experiment.build_network(sizes[0], sizes[-1], drawn=False)
        network.load_arrays(file.arrays())
        height, width = about["image_shape"]
        return Weights(network, experiment, (height, width), tuple(about["class_names"]), PixelMap(**about["pixels"]), about)
    except TensorFileError as error:
        raise WeightsError(str(error)) from None
    except KeyError as error:
        raise WeightsError(f"{path}: not the weights of this project: {error} is missing from its metadata") from None
    except (ConfigError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: not readable as the weights of a network: {error}") from None
