"""Which part of each layer a process has, and the layers that add up what the processes have computed."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_np.engine.fast import KERNELS
from mnist_np.engine.kernels import DenseKernel, Place
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.network import Network
from mnist_np.nn.params import ParamSpec
from mnist_np.training.parallel.exchange import Exchange


class Rows(Dense):
    """Z = the sum over the processes of X W, + b, with some rows of W, and X the units that belong to them."""

    def __init__(self, layer: Dense, n_in: int, exchange: Exchange) -> None:
        super().__init__(n_in, layer.n_out, layer.init)
        self.exchange = exchange


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


KERNELS |= {Rows: RowsKernel, Columns: ColumnsKernel}


@dataclass(frozen=True)
class Piece:
    """Where a share's array lies in the whole network's: ``whole.view(vector)[part]`` is ``own.view(share)``."""

    whole: ParamSpec
    part: tuple[slice, ...]
    own: ParamSpec


class Share:
    """One process's network, and how its flat vectors lie in those of the whole network."""

    def __init__(self, layers: Sequence[Layer], specs: Sequence[ParamSpec], exchange: Exchange, dtype: Any) -> None:
        parts: list[tuple[slice, ...]] = []
        own: list[Layer] = []
        dense = [layer for layer in layers if isinstance(layer, Dense)]
        everything, units = slice(None), slice(None)
        for layer in layers:
            if not isinstance(layer, Dense):
                own.append(Activate(own[-1].n_out, _activation(layer)))
                continue
            i = dense.index(layer)
            if i % 2:
                own.append(Rows(layer, own[-1].n_out, exchange))
                parts += [(units, everything), (everything,)]
            elif layer is dense[-1]:
                own.append(unbound(layer))
                parts += [(everything, everything), (everything,)]
            else:
                units = half(layer.n_out, exchange.rank)
                own.append(Columns(layer, units.stop - units.start, exchange))
                parts += [(everything, units), (units,)]
        self.network = Network(own, None, dtype)
        self.pieces = [Piece(*of) for of in zip(specs, parts, self.network.specs, strict=True)]

    def take(self, own: Array, whole: Array) -> None:
        """Fill this share's flat vector from the whole network's."""
        for piece in self.pieces:
            piece.own.view(own)[...] = piece.whole.view(whole)[piece.part]

    def give(self, own: Array, whole: Array) -> None:
        """Write this share's flat vector into the whole network's."""
        for piece in self.pieces:
            piece.whole.view(whole)[piece.part] = piece.own.view(own)


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


def _activation(layer: Layer) -> Any:
    assert isinstance(layer, Activate)
    return layer.activation
