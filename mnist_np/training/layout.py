"""Training on inputs that stand in another order, by weights whose rows stand in the same.

Where the data have a layout (`Split.layout`), so that the first layer can leave out what is zero (`nn.staircase`), the weights
go along: during an epoch the rows of the first W, and of all that an optimizer remembers of it, are in the data's layout.
Whoever looks from outside, between epochs or at a step, sees each row in its own place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from mnist_np.nn.arrays import Array
from mnist_np.nn.network import Network
from mnist_np.training.progress import Progress

Layout = NDArray[np.intp] | None


@contextmanager
def laid_out(network: Network, progress: Progress, layout: Layout) -> Iterator[None]:
    """For the time of the block row i of the first layer's weights is what row ``layout[i]`` is outside."""
    if layout is None:
        yield
        return
    rearrange(network, progress, layout)
    try:
        yield
    finally:
        rearrange(network, progress, np.argsort(layout))


def undone(layout: Layout) -> Layout:
    """The layout that undoes ``layout``, within its block."""
    return None if layout is None else np.argsort(layout)


def rearrange(network: Network, progress: Progress, order: NDArray[np.intp]) -> None:
    """Put the rows of the first layer's weights into ``order``, in each vector with an entry for every parameter."""
    first = next(spec for spec in network.specs if spec.is_weight)
    for vector in [network.params, network.grads, *remembered(progress, network.params.size)]:
        W = first.view(vector)
        W[:] = W.take(order, axis=0)


def remembered(progress: Progress, n: int) -> Iterator[Array]:
    """What optimizer and average remember of each of n parameters: vectors, and the rows of matrices."""
    for state in (progress.optimizer, progress.average):
        for name, value in state.items():
            if isinstance(value, np.ndarray) and not name.startswith("_") and value.shape[-1:] == (n,):
                yield from value.reshape(-1, n)
