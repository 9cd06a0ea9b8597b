"""The array type of all signatures, and the norm of a vector."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating]
"""float32 for training, float64 for the gradient check: the same code serves both."""


def norm(vector: Array) -> float:
    """|v|, the L2 norm; also where its square is beyond the largest number of the dtype."""
    with np.errstate(over="ignore"):
        length = float(np.sqrt(vector @ vector))
    if length == np.inf and (largest := float(np.abs(vector).max())) < np.inf:
        return largest * norm(vector / largest)
    return length
