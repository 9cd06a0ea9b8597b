"""Flat vectors: all parameters of a network lie one after the other in one vector, and each layer holds views of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Dense, Layer


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


class FlatParameters:
    """The arrays of some layers in three flat vectors, of which the layers get views.

    ``params`` and ``grads`` are of one dtype and length; ``state`` holds what is kept without being trained (running statistics).
    ``specs`` and ``state_specs`` name the arrays in them. ``rng`` draws the first weights; without it all is zero, to be loaded.
    """

    def __init__(self, layers: Sequence[Layer], rng: np.random.Generator | None, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.specs, self.state_specs = _lay_out(layers, "shapes"), _lay_out(layers, "state_shapes")
        self.params, self.state = (np.zeros(specs[-1].stop if specs else 0, dtype) for specs in (self.specs, self.state_specs))
        self.grads = np.zeros_like(self.params)
        specs, state_specs = iter(self.specs), iter(self.state_specs)
        for layer in layers:
            for name in layer.shapes:
                spec = next(specs)
                layer.params[name], layer.grads[name] = spec.view(self.params), spec.view(self.grads)
            for name in layer.state_shapes:
                layer.state[name] = next(state_specs).view(self.state)
            if rng is not None:
                layer.initialize(rng)

    def arrays(self) -> dict[str, Array]:
        """Every parameter and running statistic by name (``W1``, ``b1``, ...), as views."""
        named = {spec.name: spec.view(self.params) for spec in self.specs}
        return named | {spec.name: spec.view(self.state) for spec in self.state_specs}

    def load_arrays(self, arrays: dict[str, Array]) -> None:
        """Copy arrays by name into this network. Raises ValueError naming what is missing, left over or of another shape."""
        own = self.arrays()
        if own.keys() != arrays.keys():
            missing, extra = sorted(own.keys() - arrays.keys()), sorted(arrays.keys() - own.keys())
            raise ValueError(f"weights do not fit this network: missing {missing}, unknown {extra}")
        for name, array in own.items():
            if array.shape != arrays[name].shape:
                raise ValueError(f"weights do not fit this network: {name} is {arrays[name].shape}, expected {array.shape}")
            array[...] = arrays[name]


def _lay_out(layers: Sequence[Layer], attribute: str) -> list[ParamSpec]:
    """The layers' arrays one after the other. Names carry the number of the Dense layer that they belong to: ``W1``."""
    specs: list[ParamSpec] = []
    number, start = 0, 0
    for layer in layers:
        number += isinstance(layer, Dense)
        for name, shape in getattr(layer, attribute).items():
            specs.append(ParamSpec(f"{name}{number}", start, start + prod(shape), shape))
            start += prod(shape)
    return specs
