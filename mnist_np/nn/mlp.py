"""The model of this project: a multilayer perceptron described by its hidden sizes, built into a `Network`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Optional

import numpy as np

from mnist_np.component import Component, bounded, did_you_mean
from mnist_np.nn.activations import ACTIVATIONS, Activation, Identity, ReLU
from mnist_np.nn.initializers import INITIALIZERS, Auto, Initializer
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.nn.network import Network


@dataclass
class MLP(Component):
    """Hidden layers of the given sizes between the input and the logits of the classes.

    ``activations`` and ``inits`` name a choice per hidden layer; None, as a whole or as an entry, means the group's choice.
    """

    group: ClassVar[str] = "model"
    hidden: list[int] = bounded([128, 64], gt=0)
    activations: Optional[list[Optional[str]]] = None
    inits: Optional[list[Optional[str]]] = None

    def check(self) -> None:
        self._check_names("activations", self.activations, list(ACTIVATIONS))
        self._check_names("inits", self.inits, list(INITIALIZERS))

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
        rng: np.random.Generator,
        activation: Activation | None = None,
        init: Initializer | None = None,
        dtype: Any = np.float32,
    ) -> Network:
        """The network from n_in inputs to n_out logits, its weights drawn from ``rng``. Default: ReLU and ``Auto()``."""
        activation, init = activation or ReLU(), init or Auto()
        layers: list[Layer] = []
        for i, n in enumerate(self.hidden):
            g = _chosen(self.activations, i, ACTIVATIONS, activation)
            layers += [Dense(n_in, n, _for_layer(_chosen(self.inits, i, INITIALIZERS, init), g)), Activate(n, g)]
            n_in = n
        layers.append(Dense(n_in, n_out, _for_layer(init, Identity())))
        return Network(layers, rng, dtype)


def _chosen(names: list[str | None] | None, i: int, registry: dict[str, Any], default: Any) -> Any:
    name = names[i] if names else None
    return registry[name]() if name else default


def _for_layer(init: Initializer, activation: Activation) -> Initializer:
    return init.for_activation(activation.init) if isinstance(init, Auto) else init


MODELS: dict[str, type[MLP]] = {"mlp": MLP}
