"""Every config group with its options: group -> name -> dataclass. What YAML, the command line and saved configs may name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mnist_np.component import Component, ConfigError, did_you_mean
from mnist_np.data.augment import AUGMENTS
from mnist_np.data.sources import DATASETS
from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.nn.initializers import INITIALIZERS
from mnist_np.nn.losses import LOSSES
from mnist_np.nn.mlp import MODELS
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.optim.schedules import SCHEDULES

C = TypeVar("C", bound=Component)

REGISTRY: dict[str, dict[str, type[Any]]] = {
    "model": MODELS,
    "activation": ACTIVATIONS,
    "init": INITIALIZERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "data": DATASETS,
    "augment": AUGMENTS,
}


def name_of(component: Component) -> str:
    """The option's name under which a component's class is registered: ``Adam(lr=1e-3)`` is ``adam``."""
    for name, kind in REGISTRY.get(component.group, {}).items():
        if kind is type(component):
            return name
    raise ConfigError(component.group, type(component).__name__, "this class is not registered")


def lookup(group: str, name: object) -> type[Any]:
    """The dataclass registered as ``name`` in ``group``. Raises ConfigError that lists the names there are."""
    options = REGISTRY[group]
    if name not in options:
        raise ConfigError(group, name, f"{did_you_mean(str(name), list(options))}must be one of {', '.join(options)}")
    return options[str(name)]


def register(group: str, name: str) -> Callable[[type[C]], type[C]]:
    """A class decorator, above ``@dataclass``, that adds a component of one's own as option ``name`` of ``group``.

    Raises ConfigError for an unknown group, a name that is taken and a class that is not of the group.
    """

    def put(kind: type[C]) -> type[C]:
        if group not in REGISTRY:
            raise ConfigError("group", group, f"{did_you_mean(group, list(REGISTRY))}must be one of {', '.join(REGISTRY)}")
        if name in REGISTRY[group]:
            raise ConfigError(group, name, "this name is taken already")
        if not issubclass(kind, Component) or kind.group != group or "__dataclass_fields__" not in vars(kind):
            raise ConfigError(group, kind.__name__, f"must be a @dataclass (written below @register) of the group {group}")
        REGISTRY[group][name] = kind
        return kind

    return put
