"""The data sets that a config can name (group ``data``): MNIST itself and anything in its file format."""

from __future__ import annotations

import gzip
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from mnist_np.component import Component, bounded, one_of
from mnist_np.data.dataset import Dataset, Split


@dataclass
class Data(Component, ABC):
    """A data set and how it is split and preprocessed."""

    group: ClassVar[str] = "data"
    validation_size: int = bounded(10_000, ge=0)
    train_size: int | None = bounded(None, ge=1)
    preprocess: str = one_of("scale", "scale", "standardize", "symmetric", "binarize")

    @abstractmethod
    def load(self, rng: np.random.Generator) -> Dataset:
        """Read, check, split and preprocess. ``rng`` draws the subset of ``train_size``. Raises DataError."""


@dataclass
class MNIST(Data):
    """The 70,000 handwritten digits of LeCun, Cortes and Burges, embedded in this package."""

    def load(self, rng: np.random.Generator) -> Dataset:
        # provisional: the readers and checks live in idx.py
        folder = Path(__file__).parent / "mnist"

        def raw(name):
            return gzip.decompress((folder / f"{name}.gz").read_bytes())

        tx = np.frombuffer(raw("train-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 784)
        ty = np.frombuffer(raw("train-labels-idx1-ubyte"), np.uint8, offset=8)
        ex = np.frombuffer(raw("t10k-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 784)
        ey = np.frombuffer(raw("t10k-labels-idx1-ubyte"), np.uint8, offset=8)
        n = len(tx) - self.validation_size
        s = np.float32(1 / 255)
        return Dataset(
            "mnist",
            Split.pack(tx[:n] * s, ty[:n], 10),
            Split.pack(tx[n:] * s, ty[n:], 10),
            Split.pack(ex * s, ey, 10),
            (28, 28),
            tuple("0123456789"),
            hashlib.sha256(tx).hexdigest(),
            str(folder),
        )


DATASETS: dict[str, type[Data]] = {"mnist": MNIST}
