"""Which part of each layer a process has, and the layers that add up what the processes have computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.network import Network, ParamSpec
from mnist_np.training.parallel.exchange import Exchange


class Rows(Dense):
    """Z = the sum over the processes of X W, + b, with some rows of W, and X the units that belong to them."""

    def __init__(self, layer: Dense, n_in: int, exchange: Exchange) -> None:
        super().__init__(n_in, layer.n_out, layer.init)
        self.exchange = exchange

    def forward(self, X: Array, Z: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        np.matmul(X, self.params["W"], out=self.exchange.summand(Z.shape))
        self.exchange.send()
        self.exchange.total(out=Z)
        Z += self.params["b"]


class Columns(Dense):
    """Z = X W + b with some columns of W; dX = the sum over the processes of dZ W^T."""

    def __init__(self, layer: Dense, n_out: int, exchange: Exchange) -> None:
        super().__init__(layer.n_in, n_out, layer.init, layer.max_norm)
        self.exchange = exchange

    def backward(self, X: Array, Z: Array, dZ: Array, dX: Array | None, scratch: Scratch) -> None:
        if dX is not None:
            np.matmul(dZ, self.params["W"].T, out=self.exchange.summand(dX.shape))
            self.exchange.send()
        super().backward(X, Z, dZ, None, scratch)  # meanwhile the other's summand comes
        if dX is not None:
            self.exchange.total(out=dX)


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
                own.append(layer.unbound())
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
