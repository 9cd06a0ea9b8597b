"""Which part of each layer a process has, and the layers that add up what the processes have computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from math import hypot
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mnist_np.engine.fast import KERNELS
from mnist_np.engine.kernels import DenseKernel, DropoutKernel, NoiseKernel, Place
from mnist_np.nn.arrays import Array, norm
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.network import Network
from mnist_np.nn.noise import Dropout, GaussianNoise, random_bits
from mnist_np.nn.norms import BatchNorm
from mnist_np.nn.params import ParamSpec
from mnist_np.training.parallel.exchange import Exchange

Specs: TypeAlias = Sequence[ParamSpec]


class Rows(Dense):
    """Z = the sum over the processes of X W, + b, with some rows of W, and X the units that belong to them."""

    def __init__(self, layer: Dense, n_in: int, exchange: Exchange) -> None:
        super().__init__(n_in, layer.n_out, layer.init, layer.max_norm)
        self.exchange = exchange

    def constrain(self) -> None:
        """As `Dense.constrain`; the square of a column's length is the sum over the processes."""
        if self.max_norm is not None:
            W, lengths = self.params["W"], np.empty((1, self.n_out), self.params["W"].dtype)
            np.einsum("ij,ij->j", W, W, out=self.exchange.summand(lengths.shape)[0])
            self.exchange.send()
            self.exchange.total(out=lengths)
            np.sqrt(lengths, out=lengths)
            W *= self.max_norm / np.maximum(lengths, self.max_norm)


class RowsKernel(DenseKernel):
    """Forward of `Rows`; backward is that of any Dense layer."""

    def __init__(self, layer: Rows, place: Place) -> None:
        super().__init__(layer, place)
        self.exchange = layer.exchange

    def multiply(self, X: Array, Z: Array) -> None:
        np.matmul(X, self.W, out=self.exchange.summand(Z.shape))
        self.exchange.send()
        self.exchange.total(out=Z)


class Columns(Dense):
    """Z = X W + b with some columns of W; dX = the sum over the processes of dZ W^T."""

    def __init__(self, layer: Dense, n_out: int, exchange: Exchange) -> None:
        super().__init__(layer.n_in, n_out, layer.init, layer.max_norm)
        self.exchange = exchange


class ColumnsKernel(DenseKernel):
    """Backward of `Columns`; forward is that of any Dense layer."""

    def __init__(self, layer: Columns, place: Place) -> None:
        super().__init__(layer, place)
        self.exchange = layer.exchange

    def backward(self, dZ: Array) -> Array:
        if self.dX is None:
            return super().backward(dZ)
        np.matmul(dZ, self.W.T, out=self.exchange.summand(self.dX.shape))
        self.exchange.send()
        self.parameter_gradients(dZ)  # meanwhile the other's summand comes
        self.exchange.total(out=self.dX)
        return self.dX


class PartOfDropout(Dropout):
    """Dropout of the ``units`` of a layer of n."""

    def __init__(self, layer: Dropout, units: slice) -> None:
        super().__init__(units.stop - units.start, 1 - layer.keep)
        self.n, self.units = layer.n_out, units


class PartOfDropoutKernel(DropoutKernel):
    """Draws what the whole layer does, so that both processes go on with the same stream, and takes its part of it."""

    def __init__(self, layer: PartOfDropout, place: Place) -> None:
        super().__init__(layer, place)
        self.n, self.units = layer.n, layer.units

    def bits(self, rng: np.random.Generator) -> NDArray[np.uint16]:
        return random_bits((len(self.kept), self.n), rng)[:, self.units]


class PartOfNoise(GaussianNoise):
    """Noise of the ``units`` of a layer of n, drawn as in `PartOfDropoutKernel`."""

    def __init__(self, layer: GaussianNoise, units: slice) -> None:
        super().__init__(units.stop - units.start, layer.sd)
        self.n, self.units = layer.n_out, units

    def forward(self, X: Array, rng: np.random.Generator | None = None) -> tuple[Array, None]:
        assert rng is not None, "only trained with"
        return X + self.sd * rng.standard_normal((len(X), self.n), dtype=X.dtype.type)[:, self.units], None


KERNELS |= {Rows: RowsKernel, Columns: ColumnsKernel, PartOfDropout: PartOfDropoutKernel, PartOfNoise: NoiseKernel}

PARTS: dict[type[Layer], Callable[[Any, slice], Layer]] = {
    Activate: lambda layer, units: Activate(units.stop - units.start, layer.activation),
    Dropout: PartOfDropout,
    GaussianNoise: PartOfNoise,
    BatchNorm: lambda layer, units: BatchNorm(units.stop - units.start, layer.momentum, layer.epsilon),
}
"""Layers that treat each unit by itself -> the layer of some of its units."""


@dataclass(frozen=True)
class Piece:
    """Where a share's array lies in the whole network's: ``whole.view(vector)[part]`` is ``own.view(share)``."""

    whole: ParamSpec
    part: tuple[slice, ...]
    own: ParamSpec


def take(pieces: Sequence[Piece], own: Array, whole: Array) -> None:
    """Fill a share's flat vector from the whole network's."""
    for piece in pieces:
        piece.own.view(own)[...] = piece.whole.view(whole)[piece.part]


def give(pieces: Sequence[Piece], own: Array, whole: Array) -> None:
    """Write a share's flat vector into the whole network's."""
    for piece in pieces:
        piece.whole.view(whole)[piece.part] = piece.own.view(own)


class Share:
    """One process's network, and how its flat vectors lie in those of the whole network."""

    def __init__(self, layers: Sequence[Layer], specs: Specs, state_specs: Specs, exchange: Exchange, dtype: DTypeLike) -> None:
        own: list[Layer] = []
        parts: dict[str, list[tuple[slice, ...]]] = {"shapes": [], "state_shapes": []}
        dense = [layer for layer in layers if isinstance(layer, Dense)]
        everything, rank = slice(None), exchange.rank
        units = everything  # of the layer at hand: those that are this process's
        for layer in layers:
            rows = everything
            if not isinstance(layer, Dense):
                own.append(unbound(layer) if units == everything else PARTS[type(layer)](layer, units))
            elif units != everything:
                own.append(Rows(layer, units.stop - units.start, exchange))
                rows, units = units, everything
            elif layer is dense[-1]:
                own.append(unbound(layer))
            else:
                units = half(layer.n_out, rank)
                own.append(Columns(layer, units.stop - units.start, exchange))
            for kind, found in parts.items():
                found += [(rows, units)[2 - len(shape) :] for shape in getattr(layer, kind).values()]
        self.network = Network(own, None, dtype)
        of_params = zip(specs, parts["shapes"], self.network.specs, strict=True)
        of_state = zip(state_specs, parts["state_shapes"], self.network.state_specs, strict=True)
        self.pieces, self.state_pieces = [Piece(*of) for of in of_params], [Piece(*of) for of in of_state]
        self.counted = [piece.own for piece in self.pieces if rank == 0 or any(part != everything for part in piece.part)]

    def length(self, grads: Array) -> float:
        """|grads| of this process's part: what both have counts once."""
        return hypot(*(norm(grads[spec.start : spec.stop]) for spec in self.counted))


def unbound(layer: Layer) -> Layer:
    """A copy without arrays, for another network."""
    other = copy(layer)
    other.params, other.grads, other.state = {}, {}, {}
    return other


def half(n: int, rank: int) -> slice:
    """The units of process ``rank``, cut where a cache line ends if there are enough."""
    middle = n // 2 if n < 64 else (n // 2 + 8) // 16 * 16
    return slice(middle, n) if rank else slice(0, middle)


def widest_sum(layers: Sequence[Layer]) -> int:
    """Numbers per example of the largest array that is exchanged: the output of the pairs."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    return max((layer.n_out for layer in dense[1::2]), default=0)
