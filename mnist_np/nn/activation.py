"""What an activation function is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from mnist_np.component import Component
from mnist_np.nn.arrays import Array


@dataclass
class Activation(Component, ABC):
    """A = g(Z), elementwise, with arrays of shape (m, n) and one dtype.

    ``init`` names the initialiser that keeps the signal's variance through this activation (``init=auto``). ``pieces`` is the
    number of z that each unit has: one, but for `Maxout`, whose Z and g'(Z) are (m, n pieces).
    """

    group: ClassVar[str] = "activation"
    init: ClassVar[str] = "xavier"

    @property
    def pieces(self) -> int:
        return 1

    @abstractmethod
    def g(self, Z: Array) -> Array:
        """A = g(Z)."""

    @abstractmethod
    def g_prime(self, Z: Array) -> Array:
        """The derivative g'(Z)."""
