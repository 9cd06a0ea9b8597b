"""The first layer without the products with zero: most pixels of MNIST's images are black.

Only dense products of contiguous rows and columns are fast. So the inputs stand in the order of how often they are not zero
(`Packed`), the rows of the first layer's weights with them, and the examples of a batch in the order of how many of the
inputs each needs up to its last one that is not zero, its reach. Everything beyond these steps is zero: with four steps a batch
of 128 has 60 % of its products left::

    x x x . . .     examples need more inputs
    x x x . . .     from above to below;
    x x x x . .     all points are zero
    x x x x x x

Nothing of it is approximate: what is left out is zero times something. It takes 12 % (128, batch 32) to 26 % (512-256, batch
128) off an epoch.
No code outside this folder sees any of it: between epochs, and in `pause`, weights are in their own order.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.batches import Batches
from mnist_np.data.cache import release
from mnist_np.data.dataset import Split
from mnist_np.engine.kernels import DenseKernel
from mnist_np.nn.arrays import Array
from mnist_np.nn.network import Network
from mnist_np.optim.optimizer import State
from mnist_np.streams import Streams

CHUNK = 512
"""Examples packed at a time: few, so that they stay in the cache."""
STEPS, NARROWEST = 4, 16
"""A batch's steps, and the examples that each has at least: more and narrower ones save fewer products than they cost calls."""
WORTHWHILE = 0.1
"""Share of the inputs that must be zero."""

Steps = list[tuple[int, int]]
"""Pairs (m, n), both growing: of the examples up to the m-th all inputs from the n-th on are zero. The last m is the batch."""


@dataclass(frozen=True)
class Packed:
    """Training examples as the engine gathers them: ``split.X`` has the inputs in ``order``, and example i is zero from its
    column ``reach[i]`` on."""

    split: Split
    order: NDArray[np.intp]
    reach: NDArray[np.int32]


_last: list[tuple[Split, Packed]] = []
"""What was packed last, so that the runs of a sweep in one process share it."""


def is_sparse(split: Split) -> bool:
    """Whether enough of the inputs are zero."""
    return bool(np.mean(sample(split, 500) == 0) > WORTHWHILE)


def sample(split: Split, n: int) -> Array:
    """About n of the inputs, evenly spread."""
    return split[:: max(1, len(split) // n)].X


def packed(split: Split) -> Packed:
    """`pack`, once for each split."""
    if not _last or _last[0][0] is not split:
        _last.clear()  # before the next is made, so that memory holds one
        _last.append((split, pack(split, np.empty_like(split.rows))))
    return _last[0][1]


def pack(split: Split, rows: Array) -> Packed:
    """The examples of ``split`` with their inputs in the order of how often they are not zero, written into ``rows``."""
    n = split.n_features
    order = np.argsort(-np.count_nonzero(sample(split, 5000), axis=0), kind="stable")
    columns = np.concatenate([order, np.arange(n, split.rows.shape[1])])
    numbers = np.arange(1, n + 1, dtype=np.min_scalar_type(n))  # of the inputs; a small type is faster
    reach = np.empty(len(split), np.int32)
    for start in range(0, len(split), CHUNK):
        part = slice(start, start + CHUNK)
        split.rows[part].take(columns, axis=1, out=rows[part], mode="clip")
        reach[part] = (replace(split, rows=rows[part]).is_not_zero * numbers).max(axis=1)
        release(split.rows[part])
    return Packed(replace(split, rows=rows), order, reach)


def unsorted(split: Split, rows: Array) -> Packed:
    """The examples of ``split`` as they are, copied into ``rows``."""
    rows[...] = split.rows
    reach = np.full(len(split), split.n_features, np.int32)
    return Packed(replace(split, rows=rows), np.arange(split.n_features), reach)


@dataclass(frozen=True)
class SparseBatch(Split):
    """A batch of packed examples, sorted by reach. ``positions`` are their rows in the epoch's own order."""

    positions: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    steps: Steps = field(default_factory=list)


class SparseBatches(Batches):
    """The batches of `Batches`, from packed examples, those of each batch sorted by reach."""

    def __init__(self, examples: Packed, batch_size: int) -> None:
        super().__init__(examples.split, batch_size)
        self.reach = examples.reach

    def sorted_order(self, streams: Streams, epoch: int) -> tuple[NDArray[np.intp], list[NDArray[np.intp]], list[Steps]]:
        """The order (n,) of one epoch, and of each batch the positions and the steps."""
        order, size = self.order(streams, epoch), self.batch_size
        full = len(order) // size * size
        positions: list[NDArray[np.intp]] = []
        steps: list[Steps] = []
        for batches in (order[:full].reshape(-1, size), order[None, full:]):
            if batches.size:
                sorting = np.argsort(self.reach[batches], axis=1, kind="stable")
                batches[:] = np.take_along_axis(batches, sorting, axis=1)
                positions += list(sorting)
                steps += steps_of(self.reach[batches])
        return order, positions, steps

    def epoch(self, streams: Streams, epoch: int, start: int = 0) -> Generator[SparseBatch, None, None]:
        order, positions, steps = self.sorted_order(streams, epoch)
        for i, batch in enumerate(self.gathered(order, start), start):
            yield SparseBatch(batch.rows, batch.n_features, batch.n_classes, batch.n_soft, positions[i], steps[i])


def steps_of(reach: NDArray[np.int32]) -> list[Steps]:
    """The steps of batches, each a row of ascending reaches (batches, m)."""
    m = reach.shape[1]
    parts = min(STEPS, max(1, m // NARROWEST))
    ends = [m * (i + 1) // parts for i in range(parts)]
    widths = reach[:, [end - 1 for end in ends]].tolist()
    return [[(m, n) for n, m in dict(zip(row, ends, strict=True)).items()] for row in widths]  # of equal steps only the last


class SparseDenseKernel(DenseKernel):
    """The first Dense layer; ``steps`` say where X is zero. Its dX is not needed."""

    steps: Steps

    def multiply(self, X: Array, Z: Array) -> None:
        """Z = X W, the examples of one step after the other."""
        start = 0
        for m, n in self.steps:
            np.matmul(X[start:m, :n], self.W[:n], out=Z[start:m])
            start = m

    def multiply_transposed(self, X: Array, dZ: Array) -> None:
        """dW = X^T dZ, the inputs of one step after the other: only the examples from this step on have any."""
        start, low = 0, 0
        for m, n in self.steps:
            np.matmul(X[start:, low:n].T, dZ[start:], out=self.dW[low:n])
            start, low = m, n
        self.dW[low:] = 0


class WeightOrder:
    """Moves the rows of the first layer's weights, in each vector with an entry for every parameter, into the inputs' order."""

    def __init__(self, network: Network, order: NDArray[np.intp]) -> None:
        self.network, self.order, self.inverse = network, order, np.argsort(order)
        self.first = next(spec for spec in network.specs if spec.is_weight)

    def move(self, order: NDArray[np.intp], states: tuple[State, ...]) -> None:
        """Row i becomes what row ``order[i]`` was."""
        for vector in self.vectors(states):
            W = self.first.view(vector)
            W[:] = W.take(order, axis=0)

    def vectors(self, states: tuple[State, ...]) -> Iterator[Array]:
        """Parameters, gradients, and what the states have for each parameter: vectors, and the rows of matrices."""
        yield from (self.network.params, self.network.grads)
        for state in states:
            for name, value in state.items():
                if isinstance(value, np.ndarray) and not name.startswith("_") and value.shape[-1:] == self.network.params.shape:
                    yield from value.reshape(-1, self.network.params.size)
