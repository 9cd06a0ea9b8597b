"""Weights as one safetensors file that rebuilds its network by itself: arrays, and the experiment that made them. No pickle."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from textwrap import shorten

import numpy as np

from mnist_np.component import ConfigError, JsonDict, UserError
from mnist_np.data.dataset import Dataset, PixelMap
from mnist_np.experiment import Experiment
from mnist_np.nn.network import Network
from mnist_np.serialize import from_dict, to_dict
from mnist_np.storage.packing import expect, unpack
from mnist_np.storage.tensorfile import TensorFile, TensorFileError, open_tensors, write_tensors

MAX_HEADER = 1 << 20
"""Bytes of a weights file's header: a network of twenty layers takes five thousand."""


class WeightsError(UserError):
    """A file that is not the weights of a network of this project. The message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Weights:
    """A network read from a file, and what it was trained for. ``pixels`` is what images must go through before it sees them.

    ``sha256`` is that of the file's content.
    """

    network: Network
    experiment: Experiment
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    pixels: PixelMap
    about: JsonDict
    sha256: str

    def misfit(self, image_shape: tuple[int, int], class_names: tuple[str, ...]) -> str:
        """Why images of this (height, width) in these classes are none for the network; "" where they are.

        Classes that are only numbered have no names to compare.
        """
        theirs, own = _kind(image_shape, class_names), _kind(self.image_shape, self.class_names)
        numbered = tuple(map(str, range(len(class_names))))
        if theirs == own and class_names != self.class_names and numbered not in (class_names, self.class_names):
            theirs, own = (f"the classes {shorten(', '.join(names), 200)}" for names in (class_names, self.class_names))
        return "" if theirs == own else f"has {theirs}, the network is for {own}"


def _kind(image_shape: tuple[int, int], class_names: tuple[str, ...]) -> str:
    return f"images of {image_shape[0]} x {image_shape[1]} pixels in {len(class_names)} classes"


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
    """Read a network. Runs no code of the file, and needs no more memory than the file's own size a few times over.

    Args:
        path: a file that `save_weights` wrote, such as a run's ``weights.safetensors``.

    Returns:
        The network, and what it was trained for.

    Raises:
        WeightsError: the file is not what `save_weights` wrote.
    """
    try:
        file = open_tensors(path, MAX_HEADER)
        about = file.about
        experiment = from_dict(Experiment, about["experiment"])
        described = WeightsHeader(*(about[key] for key in ("n_in", "n_out", "image_shape", "class_names")))
        described.check(experiment, file)
        network = experiment.build_network(described.n_in, described.n_out, drawn=False)
        network.load_arrays(file.arrays())
        expect(all(np.isfinite(array).all() for array in (network.params, network.state)), "weights", "must be finite numbers")
        height, width = described.image_shape
        pixels = unpack(PixelMap, about["pixels"], {}, "pixels")
        return Weights(network, experiment, (height, width), tuple(described.class_names), pixels, about, file.content_sha256)
    except TensorFileError as error:
        raise WeightsError(str(error)) from None
    except KeyError as error:
        raise WeightsError(f"{path}: not the weights of this project: {error} is missing from its metadata") from None
    except (ConfigError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: not readable as the weights of a network: {error}") from None


@dataclass(frozen=True)
class WeightsHeader:
    """The sizes of a network as a weights file states them, to be checked before the arrays are read."""

    n_in: int
    n_out: int
    image_shape: list[int]
    class_names: list[str]

    def check(self, experiment: Experiment, file: TensorFile) -> None:
        """Raise ValueError if they contradict each other or the arrays that are there: memory is not given on a mere claim."""
        sizes = [self.n_in, *experiment.model.hidden, self.n_out]
        expect(all(type(size) is int and size > 0 for size in [*sizes, *self.image_shape]), "sizes", "must be positive integers")
        expect(len(self.image_shape) == 2 and prod(self.image_shape) == self.n_in, "image_shape", f"must have {self.n_in} pixels")
        expect(len(self.class_names) == self.n_out, "class_names", f"must be {self.n_out}")
        expect(all(type(name) is str for name in self.class_names), "class_names", "must be texts")
        shapes = experiment.weight_shapes(self.n_in, self.n_out)
        needed, there = sum(n_in * n_out for n_in, n_out in shapes), file.n_numbers
        expect(needed <= there, "hidden", f"these layers need {needed:,} weights, but there are {there:,} numbers")
        expect(len(sizes) <= len(file.shapes) + 1, "hidden", f"{len(sizes) - 2} layers need more than {len(file.shapes)} arrays")
