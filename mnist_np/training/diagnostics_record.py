"""What the diagnostics of a run recorded: data alone, so that a `Result` can carry it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_np.nn.arrays import Array

BINS = 60
"""Of each histogram."""


class Histogram(NamedTuple):
    """``counts`` (BINS,) of values between ``edges`` (BINS + 1,), with their mean and standard deviation."""

    counts: NDArray[np.intp]
    edges: Array
    mean: float
    sd: float


@dataclass(frozen=True)
class LayerRecord:
    """One layer in one look: numbers by name, and the histograms of its activations, gradients and weights.

    The activations are A (logits, of the output layer), the gradients those of each example's own loss by Z.
    """

    numbers: dict[str, float]
    activations: Histogram
    gradients: Histogram
    weights: Histogram


@dataclass
class DiagnosticsRecord:
    """``looks``: step -> the numbers of each layer then. ``pictures``: step -> whole records with histograms, of which three are
    kept: the first, one half-way through the training, and the last."""

    looks: dict[int, list[dict[str, float]]] = field(default_factory=dict)
    pictures: dict[int, list[LayerRecord]] = field(default_factory=dict)
