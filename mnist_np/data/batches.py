"""Mini-batches: every example once an epoch in a new order, the last short batch as short as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import Split


class Batches:
    """Batches of a split, gathered into one buffer that each batch overwrites."""

    def __init__(self, split: Split, batch_size: int) -> None:
        self.split = split
        self.batch_size = min(batch_size, len(split))
        self._buffer = Split.empty(self.batch_size, split.n_features, split.n_classes)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.split) // self.batch_size)

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """The order (n,) of one epoch: a permutation of all examples."""
        return rng.permutation(len(self.split))

    def __call__(self, order: NDArray[np.intp], start: int = 0) -> Iterator[Split]:
        """The epoch's batches from batch number ``start`` on."""
        for i in range(start * self.batch_size, len(order), self.batch_size):
            indices = order[i : i + self.batch_size]
            batch = self._buffer[: len(indices)] if len(indices) < self.batch_size else self._buffer
            self.split.take(indices, out=batch)
            yield batch
