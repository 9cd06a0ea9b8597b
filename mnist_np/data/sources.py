"""The data sets that a config can name (group ``data``): MNIST itself, anything in its file format, and a tiny made-up one."""

from __future__ import annotations

import gzip
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from mnist_np.component import Component, bounded, one_of
from mnist_np.data.dataset import Dataset, Images, Split
from mnist_np.data.splits import split_dataset


@dataclass
class Data(Component, ABC):
    """A data set and how it is split and preprocessed."""

    group: ClassVar[str] = "data"
    validation_size: int = bounded(10_000, ge=0)
    train_size: int | None = bounded(None, ge=1)
    preprocess: str = one_of("scale", "scale", "standardize", "symmetric", "binarize")

    @abstractmethod
    def read(self) -> Images:
        """All examples, checked, their pixels in [0, 1]. Raises DataError."""

    def load(self, rng: np.random.Generator) -> Dataset:
        """Read, check, split and preprocess. ``rng`` draws the subset of ``train_size``. Raises DataError."""
        return split_dataset(self.read(), self.validation_size, self.train_size, self.preprocess, rng)


@dataclass
class MNIST(Data):
    """The 70,000 handwritten digits of LeCun, Cortes and Burges, embedded in this package."""

    def read(self) -> Images:
        # provisional: the readers and checks will live in idx.py
        folder = Path(__file__).parent / "mnist"

        def raw(name: str) -> bytes:
            return gzip.decompress((folder / f"{name}.gz").read_bytes())

        tx = np.frombuffer(raw("train-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 784)
        ty = np.frombuffer(raw("train-labels-idx1-ubyte"), np.uint8, offset=8)
        ex = np.frombuffer(raw("t10k-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 784)
        ey = np.frombuffer(raw("t10k-labels-idx1-ubyte"), np.uint8, offset=8)
        s = np.float32(1 / 255)
        digest = hashlib.sha256(tx.tobytes()).hexdigest()
        return Images(
            "mnist", Split.pack(tx * s, ty, 10), Split.pack(ex * s, ey, 10), (28, 28), tuple("0123456789"), digest, str(folder)
        )


@dataclass
class Synthetic(Data):
    """A tiny learnable set for tests: each class is one random image, each example that image with noise.

    ``examples`` are for training and validation together; the test split has ``validation_size`` more (at least one).
    Always the same images, whatever the experiment's seed.
    """

    validation_size: int = bounded(128, ge=0)
    examples: int = bounded(640, ge=2)
    classes: int = bounded(4, ge=2, le=10)
    side: int = bounded(8, ge=2, le=64)

    def read(self) -> Images:
        rng = np.random.default_rng(20_240)
        prototypes = rng.random((self.classes, self.side**2), dtype=np.float32)

        def draw(n: int) -> Split:
            labels = np.arange(n) % self.classes
            noise = rng.normal(0, 0.6, (n, self.side**2)).astype(np.float32)
            return Split.pack(np.round(np.clip(prototypes[labels] + noise, 0, 1) * 255) / 255, labels, self.classes)

        train, test = draw(self.examples), draw(max(self.validation_size, 1))
        digest = hashlib.sha256(train.rows.tobytes() + test.rows.tobytes()).hexdigest()
        names = tuple(str(k) for k in range(self.classes))
        return Images("synthetic", train, test, (self.side, self.side), names, digest, "generated")


DATASETS: dict[str, type[Data]] = {"mnist": MNIST, "synthetic": Synthetic}
