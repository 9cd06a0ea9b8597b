"""Mini-batches of which each process gathers half."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.augment import Augment
from mnist_np.data.batches import AugmentedBatches, Batches
from mnist_np.data.dataset import Dataset, Split
from mnist_np.engine.sparse_input import Packed, SparseBatches
from mnist_np.nn.arrays import Array
from mnist_np.streams import Streams
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
            yield self.split.over(self.rows[number % TURNS, :length])

    def _gather(self, order: NDArray[np.intp], number: int) -> None:
        """This process's half of the batch with that number."""
        indices = order[number * self.batch_size : (number + 1) * self.batch_size]
        middle = len(indices) // 2
        own = slice(middle, len(indices)) if self.rank else slice(0, middle)
        self.split.take(indices[own], out=self.split.over(self.rows[number % TURNS, own]))


class SharedAugmentedBatches(AugmentedBatches):
    """The batches of `AugmentedBatches`: both processes prepare a block each, at the same time, and then train on both blocks.

    ``rows`` (2, 2, block, width): a process's block lies in ``rows[turn, rank]``. The turns alternate, so that a block is not
    written while the other process may still train on the last ones.
    """

    def __init__(self, parts: tuple[Dataset, int, Augment], rows: Array, rendezvous: Rendezvous, rank: int) -> None:
        super().__init__(*parts)
        self.rows, self.rendezvous, self.rank = rows, rendezvous, rank

    def epoch(self, streams: Streams, epoch: int, start: int = 0) -> Generator[Split, None, None]:
        order, size = self.order(streams, epoch), self.batch_size
        of_pair = 2 * self.block_size // size
        for pair in range(start // of_pair, -(-len(self) // of_pair)):
            first = pair * 2 * self.block_size
            blocks = [self.room(pair, rank, len(order) - first) for rank in (0, 1)]
            if len(blocks[self.rank]):
                self.fill(blocks[self.rank], order, streams, epoch, 2 * pair + self.rank)
            self.rendezvous.arrive()
            self.rendezvous.wait()
            batches = [block[i : i + size] for block in blocks for i in range(0, len(block), size)]
            yield from batches[max(0, start - pair * of_pair) :]

    def room(self, pair: int, rank: int, left: int) -> Split:
        """The place of the block of process ``rank`` in a pair that has ``left`` examples or more than it can hold."""
        length = min(max(left - rank * self.block_size, 0), self.block_size)
        return self.split.over(self.rows[pair % 2, rank, :length])


def shape_of_memory(batches: Batches) -> tuple[int, ...]:
    """The shape of the array that batches like these are written into by both processes."""
    width = batches.split.batch_width
    if isinstance(batches, AugmentedBatches):
        return 2, 2, batches.block_size, width
    return TURNS, batches.batch_size, width
