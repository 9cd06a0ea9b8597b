"""Mini-batches of which each process gathers half."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import Split
from mnist_np.engine.sparse_input import Packed, SparseBatches
from mnist_np.nn.arrays import Array
from mnist_np.training.parallel.exchange import Rendezvous

TURNS = 3
"""Batches in memory: the one that is being trained on, the next, and one for a process that is a step behind."""


class SharedBatches(SparseBatches):
    """The batches of `SparseBatches`, each gathered by both processes, half of its rows by each, into memory that both see.

    Gathering waits for memory, so half the rows take half the time. Before a batch is trained on, the half of the next one is
    gathered; that it is whole by its turn is known without any further waiting, since each step has an exchange in it.
    """

    def __init__(self, examples: Packed, batch_size: int, rows: Array, rendezvous: Rendezvous, rank: int) -> None:
        super().__init__(examples, batch_size)
        self.rows, self.rendezvous, self.rank = rows, rendezvous, rank

    def gathered(self, order: NDArray[np.intp], start: int) -> Generator[Split, None, None]:
        last = len(self) - 1
        self._gather(order, start)
        self.rendezvous.arrive()
        self.rendezvous.wait()
        for number in range(start, len(self)):
            if number < last:
                self._gather(order, number + 1)
            length = min(self.batch_size, len(order) - number * self.batch_size)
            yield replace(self.split, rows=self.rows[number % TURNS, :length])

    def _gather(self, order: NDArray[np.intp], number: int) -> None:
        """This process's half of the batch with that number."""
        indices = order[number * self.batch_size : (number + 1) * self.batch_size]
        middle = len(indices) // 2
        own = slice(middle, len(indices)) if self.rank else slice(0, middle)
        self.split.rows.take(indices[own], axis=0, out=self.rows[number % TURNS, own], mode="clip")
