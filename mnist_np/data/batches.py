"""Mini-batches: every example once an epoch in a new order, the last short batch as short as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mnist_np.component import ConfigError
from mnist_np.data.augment import Augment
from mnist_np.data.dataset import IDENTITY, Dataset, Split
from mnist_np.machine import cores
from mnist_np.streams import Streams


class Batches:
    """Batches of a split, gathered into one buffer that the next ones overwrite."""

    GATHERED = 128
    """Examples gathered at a time at least, where batches are smaller: each call takes some microseconds."""

    def __init__(self, split: Split, batch_size: int) -> None:
        self.split = split
        self.batch_size = min(batch_size, len(split))
        self._buffer = split.room(self.batch_size * max(1, self.GATHERED // self.batch_size))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.split) // self.batch_size)

    def order(self, streams: Streams, epoch: int) -> NDArray[np.intp]:
        """The order (n,) of one epoch: a permutation of all examples."""
        return streams("shuffle", epoch).permutation(len(self.split))

    def epoch(self, streams: Streams, epoch: int, start: int = 0) -> Generator[Split, None, None]:
        """The batches of an epoch, from batch number ``start`` on."""
        yield from self.gathered(self.order(streams, epoch), start)

    def gathered(self, order: NDArray[np.intp], start: int) -> Generator[Split, None, None]:
        """The examples in this order, a batch at a time."""
        for i in range(start * self.batch_size, len(order), len(self._buffer)):
            indices = order[i : i + len(self._buffer)]
            gathered = self._buffer[: len(indices)]
            self.split.take(indices, out=gathered)
            yield from gathered.pieces(self.batch_size)


class AugmentedBatches(Batches):
    """The same batches, their images distorted, prepared by threads while the network trains on earlier ones.

    A block of some batches is prepared at a time. What is drawn for it is a function of seed, epoch and block alone, so
    neither the threads' timing nor where an epoch is resumed changes a bit. The threads live as long as the epoch's iterator.
    """

    PIXELS = 1 << 17
    """Pixels distorted at a time (167 images of 28 x 28): few, so that the temporaries stay in the cache: twice as fast."""

    def __init__(self, data: Dataset, batch_size: int, augment: Augment) -> None:
        super().__init__(data.train, batch_size)
        self.data, self.augment = data, augment
        self.piece = max(1, self.PIXELS // data.n_features)
        self.block_size = self.batch_size * -(-self.piece // self.batch_size)

    def epoch(self, streams: Streams, epoch: int, start: int = 0) -> Generator[Split, None, None]:
        order = self.order(streams, epoch)
        first = start * self.batch_size
        numbers = range(first // self.block_size, -(-len(order) // self.block_size))
        workers = _workers()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="augment")
        try:
            ahead: deque[Future[Split]] = deque()
            waiting = iter(numbers)
            for number in numbers:
                for following in islice(waiting, workers + 1 - len(ahead)):
                    ahead.append(pool.submit(self.block, order, streams, epoch, following))
                block = ahead.popleft().result()
                for i in range(max(0, first - number * self.block_size), len(block), self.batch_size):
                    yield block[i : i + self.batch_size]
        finally:
            pool.shutdown(cancel_futures=True)

    def block(self, order: NDArray[np.intp], streams: Streams, epoch: int, number: int) -> Split:
        """The block with that number of the epoch's ``order``."""
        block = self.split.room(min(self.block_size, len(order) - number * self.block_size))
        self.fill(block, order, streams, epoch, number)
        return block

    def fill(self, block: Split, order: NDArray[np.intp], streams: Streams, epoch: int, number: int) -> None:
        """Write the block with that number into ``block``."""
        rng = streams("augment", epoch, number)
        self.split.take(order[number * self.block_size : (number + 1) * self.block_size], out=block)
        pixels = self.data.pixels
        for part in block.pieces(self.piece):
            X = part.X
            images = (X if pixels == IDENTITY else pixels.inverse(X)).reshape(-1, *self.data.image_shape)
            distorted = self.augment(images, rng)
            if distorted.shape != images.shape:  # else those that are turned by a right angle would pass as others
                shapes = f"gave images of the shape {distorted.shape}, not {images.shape}"
                raise ConfigError("augment", type(self.augment).__name__, shapes)
            X[:] = distorted.reshape(X.shape)
            pixels.apply(X)


def _workers() -> int:
    """How many threads prepare: as many as there are cores for this process, but four at most."""
    return min(4, cores())


def batches_of(data: Dataset, batch_size: int, augment: Augment) -> Batches:
    """Batches of the training split, distorted where ``augment`` says so."""
    return AugmentedBatches(data, batch_size, augment) if augment.active else Batches(data.train, batch_size)
