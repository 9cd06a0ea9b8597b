"""Named random streams from one seed: each use of randomness has generators of its own, independent of all others."""

from __future__ import annotations

import numpy as np

NAMES = ("init", "shuffle", "dropout", "augment", "split", "mixup", "adversarial")
"""Append only: a name's place is part of its seed."""


class Streams:
    """Generators by name and epoch, each a pure function of (seed, name, epoch): nothing is carried over between epochs,
    so that a run resumed at an epoch draws what the uninterrupted run would have drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, name: str, epoch: int = 0, *part: int) -> np.random.Generator:
        """The stream ``name`` of ``epoch``, from its start; or of a ``part`` of the epoch, for what is drawn out of order."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(NAMES.index(name), epoch, *part)))
