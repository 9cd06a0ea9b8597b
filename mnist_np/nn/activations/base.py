"""What every activation is, and the one that does nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mnist_np.component import Component
from mnist_np.nn.arrays import Array, Scratch


@dataclass
class Activation(Component, ABC):
    """A = g(Z), elementwise. ``in_place`` says that backward needs A only, so that Z may be overwritten by A.

    ``init`` names the initialiser that keeps the signal's variance through this activation (``init=auto``).
    """

    group: ClassVar[str] = "activation"
    in_place: ClassVar[bool] = True
    init: ClassVar[str] = "xavier"

    def scratch(self, m: int, n: int, dtype: Any) -> Scratch:
        """The arrays that forward and backward need beside Z and A, for m examples of n units."""
        return {}

    @abstractmethod
    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        """Write A = g(Z). Shapes (m, n); A may be Z itself where ``in_place``."""

    @abstractmethod
    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        """Turn dA into dZ = dA * g'(Z), in place. Of Z and A only A may be read where ``in_place``, and else only Z."""


@dataclass
class Identity(Activation):
    """identity: g(z) = z, so that stacked layers stay one linear map."""

    def forward(self, Z: Array, A: Array, scratch: Scratch) -> None:
        if A is not Z:
            np.copyto(A, Z)

    def backward(self, Z: Array, A: Array, dA: Array, scratch: Scratch) -> None:
        pass
