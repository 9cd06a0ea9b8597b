"""The Pareto front of several objectives: the points that no other is better than in all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def on_front(points: ArrayLike, maximize: Sequence[bool]) -> list[bool]:
    """Whether each point is on the front: no other is at least as good in every objective and better in one.

    Points with the same values are both on it, or both not.

    Args:
        points: a row for each point, a column for each objective (n, k), finite.
        maximize: for each objective whether more is better.
    """
    losses = np.where(maximize, -1.0, 1.0) * np.asarray(points, np.float64).reshape(-1, len(maximize))
    found = np.zeros(len(losses), bool)
    for i in np.lexsort(losses.T[::-1]):  # one that dominates another comes before it
        front = losses[found]
        found[i] = not np.any(np.all(front <= losses[i], axis=1) & np.any(front < losses[i], axis=1))
    return found.tolist()
