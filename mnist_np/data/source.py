"""Where examples come from: the base of all options of the group ``data``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import Component, bounded, one_of, without_effect
from mnist_np.data.dataset import Dataset
from mnist_np.data.splits import RawSplits, divide

_last: dict[str, Dataset] = {}
"""What was loaded last, so that the runs of a sweep in one process share it."""


@dataclass
class Data(Component, ABC):
    """A data set and how it is split and preprocessed; `divide` says what the sizes mean."""

    group: ClassVar[str] = "data"
    validation_size: int | None = bounded(10_000, ge=0)
    train_size: int | None = bounded(None, ge=1)
    preprocess: str = one_of("scale", "scale", "standardize", "symmetric", "binarize")
    dtype: str = without_effect(one_of("uint8", "uint8", "float32"))

    @abstractmethod
    def read(self) -> RawSplits:
        """All examples, checked. Raises DataError."""

    def load(self, rng: np.random.Generator) -> Dataset:
        """Read, check, split and preprocess. ``rng`` draws the subset of ``train_size``. Raises DataError."""
        published = self.read()
        key = f"{self} {published.decoded.sha256} {rng.bit_generator.state if self.train_size else ''}"
        if key not in _last:
            _last.clear()  # before the next is made, so that memory holds one
            _last[key] = divide(published, self.validation_size, self.train_size, self.preprocess, rng, self.dtype)
        return _last[key]
