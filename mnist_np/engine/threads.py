"""How many threads BLAS multiplies with, set at run time and for the time of a run only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from mnist_np.machine import cores

WORTH_SHARING = 50_000_000
"""Weights times batch size from which a second thread pays for certain (by 1.2 to 1.7; below, from 1.4 times faster to slower).

And on a busy machine it costs: threads that wait for each other are 3 to 30 times slower there, one thread hardly is."""


def choose(wanted: int | str, weights: int, batch_size: int) -> int:
    """The number of BLAS threads that ``training.threads`` stands for, for a network of so many weights.

    ``auto`` is 1 for small products, else one per core. It never exceeds what BLAS is limited to already: by
    OPENBLAS_NUM_THREADS, or because this process is one of several that share the machine. It depends on nothing that
    changes from minute to minute, since the last bits of a result depend on it.
    """
    if wanted != "auto":
        return int(wanted)
    if weights * batch_size < WORTH_SHARING:
        return 1
    return max(1, min(cores(), present()))


def present() -> int:
    """The threads that BLAS multiplies with at present."""
    return max((int(library["num_threads"]) for library in blas_libraries().info()), default=1)


@contextmanager
def blas_threads(n: int) -> Iterator[int]:
    """For the time of the block BLAS multiplies with n threads."""
    with blas_libraries().limit(limits=n):
        yield n


@lru_cache(maxsize=1)
def blas_libraries() -> Any:
    """What `threadpoolctl` knows of the BLAS that is loaded."""
    from threadpoolctl import ThreadpoolController  # here, since a look at all loaded libraries takes milliseconds

    return ThreadpoolController().select(user_api="blas")
