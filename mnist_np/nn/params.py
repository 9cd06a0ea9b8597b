"""Flat vectors: all parameters of a network lie one after the other in one vector, and each layer holds views of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from mnist_np.nn.arrays import Array


@dataclass(frozen=True)
class ParamSpec:
    """Where a named array lies in a flat vector: ``vector[start:stop].reshape(shape)``. Names are like ``W1``, ``b1``."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def is_weight(self) -> bool:
        """Whether this is a weight matrix: what decays and what is orthogonalised, unlike biases and norm parameters."""
        return len(self.shape) == 2

    def view(self, vector: Array) -> Array:
        """The array itself, sharing the vector's memory."""
        return vector[self.start : self.stop].reshape(self.shape)


def param_specs(named_shapes: Iterable[tuple[str, tuple[int, ...]]]) -> list[ParamSpec]:
    """Lay out arrays of these names and shapes one after the other."""
    specs: list[ParamSpec] = []
    for name, shape in named_shapes:
        start = specs[-1].stop if specs else 0
        specs.append(ParamSpec(name, start, start + prod(shape), shape))
    return specs


def size(specs: list[ParamSpec]) -> int:
    """The length of the flat vector that these arrays need."""
    return specs[-1].stop if specs else 0
