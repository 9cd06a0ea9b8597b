"""Averages of the weights along the way, validated and kept in place of the weights themselves (``ema``, ``swa_start``).

The network's running statistics are averaged with its weights. The average is part of the training's `Progress`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mnist_np.experiment import Training
from mnist_np.nn.arrays import Array
from mnist_np.nn.network import Network
from mnist_np.optim.optimizer import CHUNK, Optimizer, State, chunks
from mnist_np.training.progress import Progress


def start_average(training: Training, network: Network) -> State:
    """The average before the first step; empty where none is asked for."""
    if training.ema is None and training.swa_start is None:
        return {}
    scratch = np.empty(min(CHUNK, max(network.params.size, network.state.size)), network.dtype)
    return {"params": network.params.copy(), "state": network.state.copy(), "count": 0, "_scratch": scratch}


def average_step(average: State, network: Network, ema: float) -> None:
    """average <- d average + (1 - d) W after each step, with d = min(ema, (1 + t) / (10 + t)), so that the first, still far
    off weights are soon forgotten (Polyak & Juditsky 1992; the bound by t as in TensorFlow's ExponentialMovingAverage)."""
    average["count"] += 1
    t = average["count"]
    _move(average, network, 1 - min(ema, (1 + t) / (10 + t)))


def average_epoch(average: State, network: Network) -> None:
    """average <- the mean of W at the ends of all epochs averaged so far (Izmailov et al. 2018)."""
    average["count"] += 1
    _move(average, network, 1 / average["count"])


def _move(average: State, network: Network, share: float) -> None:
    """average <- average + share (now - average)."""
    for mean, now in ((average["params"], network.params), (average["state"], network.state)):
        for a, w, s in chunks(mean, now, scratch=average["_scratch"]):
            np.subtract(w, a, out=s)
            s *= share
            a += s


@contextmanager
def chosen_weights(network: Network, optimizer: Optimizer, progress: Progress) -> Iterator[None]:
    """For the time of the block the network has the weights to be evaluated and kept: averages, where there are any."""
    average = progress.average
    if not optimizer.averages and not average.get("count"):
        yield
        return
    trained: tuple[Array, Array] = network.params.copy(), network.state.copy()
    if optimizer.averages:
        optimizer.eval_params(progress.optimizer, trained[0], network.params)
    else:
        network.params[:], network.state[:] = average["params"], average["state"]
    try:
        yield
    finally:
        network.params[:], network.state[:] = trained
