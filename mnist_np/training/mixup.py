"""Mixup: training on convex combinations of examples."""

from __future__ import annotations

import numpy as np

from mnist_np.data.dataset import Split


class Mixup:
    """X <- s X + (1 - s) X', Y <- s Y + (1 - s) Y' with s ~ Beta(alpha, alpha) drawn for each batch and (X', Y') the same batch
    in another order (Zhang et al. 2018)."""

    def __init__(self, alpha: float, split: Split, batch_size: int) -> None:
        self.alpha, self._partners = alpha, split.room(batch_size)

    def __call__(self, batch: Split, rng: np.random.Generator) -> None:
        """Mix ``batch`` in place. A row holds inputs and targets, so they are mixed alike."""
        share = rng.beta(self.alpha, self.alpha)
        partners = self._partners[: len(batch)]
        batch.take(rng.permutation(len(batch)), out=partners)
        np.multiply(batch.rows, share, out=batch.rows)
        np.multiply(partners.rows, 1 - share, out=partners.rows)
        np.add(batch.rows, partners.rows, out=batch.rows)
