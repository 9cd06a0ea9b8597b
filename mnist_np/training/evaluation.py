"""Loss and accuracy of a network on a split, in large batches that need no gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnist_np.data.dataset import Split
from mnist_np.nn.arrays import Array
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network

BATCH = 1000
"""Examples at a time: large enough for the matrix products, small enough for the cache."""


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, accuracy (a fraction) and the logits (n, n_classes) behind them."""

    loss: float
    accuracy: float
    logits: Array


def evaluate(network: Network, split: Split, loss: Loss) -> Evaluation:
    """Evaluate ``network`` in inference mode on all of ``split``."""
    logits = np.empty((len(split), network.n_out), network.dtype)
    total = 0.0
    for start in range(0, len(split), BATCH):
        part = split[start : start + BATCH]
        Z = network.forward(part.X.astype(network.dtype, copy=False))
        logits[start : start + BATCH] = Z
        total += loss.value(Z, part.Y) * len(part)
    return Evaluation(total / len(split), n_correct(logits, split.Y) / len(split), logits)


def n_correct(logits: Array, Y: Array) -> int:
    """How many rows have their largest logit at their target's class."""
    return int(np.count_nonzero(logits.argmax(axis=1) == Y.argmax(axis=1)))
