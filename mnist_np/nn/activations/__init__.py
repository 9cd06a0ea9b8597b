"""Activation functions A = g(Z) and their derivatives, elementwise and in place where the derivative follows from A alone."""

from __future__ import annotations

from mnist_np.nn.activations.base import Activation, Identity
from mnist_np.nn.activations.gated import GELU, SiLU
from mnist_np.nn.activations.rectifiers import ELU, SELU, LeakyReLU, ReLU, Softplus
from mnist_np.nn.activations.sigmoids import HardSigmoid, ScaledTanh, Sigmoid, Softsign, Tanh

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "HardSigmoid",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "ScaledTanh",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
]

ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "softsign": Softsign,
    "tanh": Tanh,
    "scaled_tanh": ScaledTanh,
    "sigmoid": Sigmoid,
    "hard_sigmoid": HardSigmoid,
    "identity": Identity,
}
