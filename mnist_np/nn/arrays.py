"""The array type of all signatures, and the norm of a vector."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating]
"""float32 for training, float64 for the gradient check: the same code serves both."""


def norm(vector: Array) -> float:
    """|v|, the L2 norm."""
    return float(np.sqrt(vector @ vector))
