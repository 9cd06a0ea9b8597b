"""How to train: the hyperparameters of the loop itself (config group ``training``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnist_np.component import Component, bounded, one_of


@dataclass
class Training(Component):
    """Length, batches and numerics of a training, and which epoch's weights are kept."""

    group: ClassVar[str] = "training"
    epochs: int = bounded(10, ge=1)
    batch_size: int = bounded(64, ge=1)
    dtype: str = one_of("float32", "float32", "float64")
    select: str = one_of("val/accuracy", "val/accuracy", "val/loss", "last")
