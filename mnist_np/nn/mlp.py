"""The model of this project: a multilayer perceptron described by its hidden sizes, built into a `Network`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Optional, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from mnist_np.component import Component, bounded, did_you_mean, one_of
from mnist_np.nn.activation import Activation
from mnist_np.nn.activations import ACTIVATIONS, Identity, ReLU
from mnist_np.nn.initializers import INITIALIZERS, Auto, Initializer
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.network import Network
from mnist_np.nn.noise import Dropout, GaussianNoise
from mnist_np.nn.norms import BatchNorm, LayerNorm

T = TypeVar("T")

MOST_LAYERS = 1000
"""Hidden layers at most, so that a typing error or a malicious file cannot ask for a network that takes minutes to build."""


@dataclass
class MLP(Component):
    """mlp: A[l] = g[l](A[l-1] W[l] + b[l]) for hidden layers of the given sizes, then logits Z = A W + b (Rumelhart et al. 1986).

    ``activations`` and ``inits`` name a choice per hidden layer; None, as a whole or as an entry, means the group's choice.
    ``init_output`` names the output layer's. A hidden layer is Dense, norm, noise, activation, dropout in this order, or with
    ``norm_position="after"`` Dense, noise, activation, norm, dropout. ``dropout`` and ``noise`` (a standard deviation) are a
    number for all hidden layers or one for each, ``max_norm`` too, with a last one for the output layer. In a layer of n maxout
    units of k pieces, Dense and what stands between it and the activation have n k outputs.
    """

    group: ClassVar[str] = "model"
    hidden: list[int] = bounded([128, 64], gt=0)
    activations: Optional[list[Optional[str]]] = None
    inits: Optional[list[Optional[str]]] = None
    init_output: str | None = None
    dropout: Any = bounded(0.0, ge=0, lt=1)
    input_dropout: float = bounded(0.0, ge=0, lt=1)
    noise: Any = bounded(0.0, ge=0)
    input_noise: float = bounded(0.0, ge=0)
    norm: str = one_of("none", "none", "batch", "layer")
    norm_position: str = one_of("before", "before", "after")
    norm_output: bool = False
    norm_momentum: float = bounded(0.9, ge=0, lt=1)
    norm_epsilon: float = bounded(1e-5, gt=0)
    max_norm: Any = bounded(None, gt=0)

    def check(self) -> None:
        n = len(self.hidden)
        if n > MOST_LAYERS:
            raise self.error("hidden", self.hidden, f"must be at most {MOST_LAYERS} layers, not {n:,}")
        self._check_names("activations", self.activations, list(ACTIVATIONS))
        self._check_names("inits", self.inits, list(INITIALIZERS))
        if self.init_output is not None and self.init_output not in INITIALIZERS:
            hint = did_you_mean(self.init_output, list(INITIALIZERS))
            raise self.error("init_output", self.init_output, f"{hint}must be null or one of {', '.join(INITIALIZERS)}")
        for key, length, of in (("dropout", n, "hidden layer"), ("noise", n, "hidden layer"), ("max_norm", n + 1, "layer")):
            value = getattr(self, key)
            if isinstance(value, list) and len(value) != length:
                raise self.error(key, value, f"must be a number or a list with one per {of}: {length}, not {len(value)}")
            entries = [self._typed(key, "float", True, entry, value) for entry in (value if isinstance(value, list) else [value])]
            setattr(self, key, entries if isinstance(value, list) else entries[0])  # 3 and 3.0 are one experiment
        if self.norm_output and self.norm == "none":
            raise self.error("norm_output", True, "needs model.norm to be batch or layer")

    def _check_names(self, key: str, names: list[str | None] | None, known: list[str]) -> None:
        if names is None:
            return
        if len(names) != len(self.hidden):
            raise self.error(key, names, f"must have one entry per hidden layer: {len(self.hidden)}, not {len(names)}")
        for name in names:
            if name is not None and name not in known:
                raise self.error(
                    key, names, f"'{name}'? {did_you_mean(name, known)}each must be null or one of {', '.join(known)}"
                )

    def build(
        self,
        n_in: int,
        n_out: int,
        rng: np.random.Generator | None,
        activation: Activation | None = None,
        init: Initializer | None = None,
        dtype: DTypeLike = np.float32,
    ) -> Network:
        """The network from n_in inputs to n_out logits, its weights drawn from ``rng`` (None: zeros, to be loaded).

        The defaults are ReLU and ``Auto()``.
        """
        activation, init = activation or ReLU(), init or Auto()
        dropout, noise = _each(self.dropout, len(self.hidden)), _each(self.noise, len(self.hidden))
        max_norm = _each(self.max_norm, len(self.hidden) + 1)
        layers: list[Layer] = []
        if self.input_noise:
            layers.append(GaussianNoise(n_in, self.input_noise))
        if self.input_dropout:
            layers.append(Dropout(n_in, self.input_dropout))
        for i, n in enumerate(self.hidden):
            g = _chosen(self.activations, i, ACTIVATIONS, activation)
            n_z = n * g.pieces
            layers.append(Dense(n_in, n_z, _for_layer(_chosen(self.inits, i, INITIALIZERS, init), g), max_norm[i]))
            if self.norm_position == "before":
                layers += self._norm(n_z)
            if noise[i]:
                layers.append(GaussianNoise(n_z, noise[i]))
            layers.append(Activate(n, g))
            if self.norm_position == "after":
                layers += self._norm(n)
            if dropout[i]:
                layers.append(Dropout(n, dropout[i]))
            n_in = n
        init = INITIALIZERS[self.init_output]() if self.init_output else init
        layers.append(Dense(n_in, n_out, _for_layer(init, Identity()), max_norm[-1]))
        if self.norm_output:
            layers += self._norm(n_out)
        return Network(layers, rng, dtype)

    def weight_shapes(self, n_in: int, n_out: int, activation: Activation) -> list[tuple[int, int]]:
        """The shapes of the weight matrices of the network that `build` makes."""
        pieces = [_chosen(self.activations, i, ACTIVATIONS, activation).pieces for i in range(len(self.hidden))]
        columns = [n * k for n, k in zip(self.hidden, pieces, strict=True)]
        return list(zip([n_in, *self.hidden], [*columns, n_out], strict=True))

    def _norm(self, n: int) -> list[Layer]:
        if self.norm == "batch":
            return [BatchNorm(n, self.norm_momentum, self.norm_epsilon)]
        return [LayerNorm(n, self.norm_epsilon)] if self.norm == "layer" else []


def _each(value: T | list[T], n: int) -> list[T]:
    """One entry for each of n layers."""
    return list(value) if isinstance(value, list) else [value] * n


def _chosen(names: list[str | None] | None, i: int, registry: dict[str, type[T]], default: T) -> T:
    name = names[i] if names else None
    return registry[name]() if name else default


def _for_layer(init: Initializer, activation: Activation) -> Initializer:
    return init.for_activation(activation.init) if isinstance(init, Auto) else init


MODELS: dict[str, type[MLP]] = {"mlp": MLP}
