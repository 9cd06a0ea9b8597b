"""The child's side: ``python -m benchmark.child MODE`` reads requests, one JSON a line, until its input ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.cells import Cell, Mode
from mnist_np.data.dataset import Dataset
from mnist_np.nn.arrays import Array


@dataclass
class Job:
    """``run`` is timed. It does the work ``repeats`` times, and the time is divided by that. Numbers that it gives by name go
    into the answer. A whole training takes a seed."""

    run: Callable[..., object]
    versions: str
    repeats: int = 1
    warm_up: Callable[[], object] | None = None
    """Compiles, touches memory, starts threads; None: ``run`` does, the first time."""


class Images:
    """The first ``n`` training images, for a library to take in the form that suits it."""

    def __init__(self, n: int = 60_000) -> None:
        self.n = n

    @cached_property
    def dataset(self) -> Dataset:
        from mnist_np.data.sources import MNIST

        data = MNIST(validation_size=0).load(np.random.default_rng(0))
        return data if self.n == len(data.train) else replace(data, train=data.train[: self.n])

    @property
    def X(self) -> Array:
        """Contiguous (n, 784), float32 in [0, 1]."""
        return np.array(self.dataset.train.X)

    @property
    def labels(self) -> NDArray[np.intp]:
        """(n,)"""
        return self.dataset.train.labels


def kernel() -> str:
    """NumPy's version and the kernel that its BLAS chose for this processor."""
    from threadpoolctl import threadpool_info

    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    names = [f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}" for pool in blas[:1]]
    return ", ".join([f"numpy {np.__version__}", *names])


def main() -> None:
    mode = Mode(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to standard error, not between the answers
    images, job = Images(), Job(lambda: None, "")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "prepare" in request:
                del job  # frees the last cell's arrays and processes
                module = import_module(f"benchmark.{mode.module}")
                job = module.job(mode, Cell(**request["prepare"]), images)
                began = perf_counter()
                (job.warm_up or job.run)()  # compiles, touches memory, starts threads
                answer: dict[str, Any] = {"kernel": job.versions or kernel(), "ms": 1000 * (perf_counter() - began)}
            else:
                began = perf_counter()
                found = job.run(request["seed"]) if "seed" in request else job.run()
                ms = 1000 * (perf_counter() - began) / job.repeats
                answer = {"wall": ms, "ms": ms}
                answer |= found if isinstance(found, dict) else {}
        except Exception as error:
            job = Job(lambda: None, "")
            answer = {"cannot": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
