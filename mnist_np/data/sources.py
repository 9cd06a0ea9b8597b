"""The data sets that a config can name (group ``data``): MNIST itself, anything in its file format, and a tiny made-up one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_np.component import bounded, without_effect
from mnist_np.data import fashion
from mnist_np.data.byte_split import ByteSplit
from mnist_np.data.dataset import CHUNK, Decoded, Split
from mnist_np.data.folder import FILES, load
from mnist_np.data.own import Arrays, Folder, Table
from mnist_np.data.source import Data
from mnist_np.data.splits import RawSplits
from mnist_np.files import read_regular

LARGEST_GENERATED = 1 << 29
"""Bytes of a generated set at most: a foreign weights file may ask for one."""


@dataclass
class MNIST(Data):
    """70,000 handwritten digits, 28 x 28 pixels, embedded in this package (LeCun, Cortes & Burges 1998)."""

    def read(self) -> RawSplits:
        folder = Path(__file__).parent / "mnist"
        return RawSplits("mnist", load(folder, 10, MNIST_SHA256), tuple("0123456789"), "embedded")


MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass
class IDX(Data):
    """Any data set in MNIST's format: four files of its names in ``folder``, of any image size and number of classes."""

    folder: str | None = without_effect(None)

    def read(self) -> RawSplits:
        if self.folder is None:
            raise self.error("folder", None, f"must name the folder with the files {', '.join(FILES)} (plain or .gz)")
        folder = Path(self.folder).expanduser()
        decoded = load(folder)
        names = class_names(folder, decoded.train.n_classes)
        return RawSplits(folder.resolve().name or "idx", decoded, names, str(folder))


def class_names(folder: Path, n: int) -> tuple[str, ...]:
    """The lines of ``classes.txt``, which `convert` writes, if there is one for each class; else their numbers."""
    try:
        names = read_regular(folder / "classes.txt", 1 << 20, follow=True).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        names = []
    return tuple(names) if len(names) == len(set(names)) == n else tuple(map(str, range(n)))


@dataclass
class FashionMNIST(Data):
    """Ten kinds of clothes (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747), in numbers and size like MNIST, but harder.

    Read from ``folder``, whatever is there; without one from Debian's package dataset-fashion-mnist; without that
    downloaded, once. Files that the user has not named must be those of the authors.
    """

    folder: str | None = without_effect(None)

    def read(self) -> RawSplits:
        if self.folder:
            folder, expected = Path(self.folder).expanduser(), None
        else:
            folder, expected = fashion.folder(), fashion.DECOMPRESSED_SHA256
        decoded = load(folder, len(fashion.CLASS_NAMES), expected)
        return RawSplits("fashion_mnist", decoded, fashion.CLASS_NAMES, str(folder))


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

    def check(self) -> None:
        size = 4 * (self.examples + max(self.validation_size, 1)) * Split.width(self.side**2, self.classes)
        if size > LARGEST_GENERATED:
            raise self.error("examples", self.examples, f"the images would take {size:,} bytes, of at most {LARGEST_GENERATED:,}")

    def read(self) -> RawSplits:
        rng = np.random.default_rng(20_240)
        prototypes = rng.random((self.classes, self.side**2), dtype=np.float32)

        digest = hashlib.sha256()  # of the rows as a `Split`'s

        def draw(n: int) -> ByteSplit:
            split = ByteSplit.empty(n, self.side**2, self.classes)
            for start in range(0, n, CHUNK):
                labels = np.arange(start, min(start + CHUNK, n)) % self.classes
                noise = rng.normal(0, 0.6, (len(labels), self.side**2)).astype(np.float32)
                X = np.round(np.clip(prototypes[labels] + noise, 0, 1) * 255).astype(np.uint8)
                part = ByteSplit.pack(X, labels, self.classes)
                split.rows[start : start + CHUNK] = part.rows
                digest.update(part.converted().rows.data)
            return split

        train, test = draw(self.examples), draw(max(self.validation_size, 1))
        names = tuple(str(k) for k in range(self.classes))
        return RawSplits("synthetic", Decoded(train, test, (self.side, self.side), digest.hexdigest()), names, "generated")


DATASETS: dict[str, type[Data]] = {
    "mnist": MNIST,
    "idx": IDX,
    "fashion_mnist": FashionMNIST,
    "folder": Folder,
    "arrays": Arrays,
    "table": Table,
    "synthetic": Synthetic,
}
