"""Loss and accuracy of a network on a split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from mnist_np.data.dataset import Split
from mnist_np.nn.arrays import Array
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import PIECE, Network

quiet = partial(np.errstate, over="ignore", invalid="ignore", divide="ignore")
"""Within ``quiet()``: no warnings of numbers that are not finite, since `divergence.py` looks at the numbers themselves."""


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, accuracy (a fraction) and the logits (n, n_classes) behind them."""

    loss: float
    accuracy: float
    logits: Array


def evaluate(network: Network, split: Split, loss: Loss) -> Evaluation:
    """Evaluate ``network`` in inference mode on all of ``split``."""
    logits = logits_of(network, split)
    return Evaluation(loss(logits, split.Y.astype(logits.dtype, copy=False))[0], n_correct(logits, split.Y) / len(split), logits)


def logits_of(network: Network, split: Split) -> Array:
    """The logits (n, n_classes) of ``network`` in inference mode on all of ``split``, whose inputs are made a few at a time."""
    return np.concatenate([network.logits(piece.X) for piece in split.pieces(PIECE)])


def n_correct(logits: Array, Y: Array) -> int:
    """How many rows have their largest logit at their target's class."""
    return int(np.count_nonzero(logits.argmax(axis=1) == Y.argmax(axis=1)))
