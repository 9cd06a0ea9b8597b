"""Every config group with its options: group -> name -> dataclass. What YAML, the command line and saved configs may name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from mnist_np.component import Component, ConfigError, did_you_mean
from mnist_np.data.augment import AUGMENTS
from mnist_np.data.sources import DATASETS
from mnist_np.metrics import METRICS
from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.nn.initializers import INITIALIZERS
from mnist_np.nn.losses import LOSSES
from mnist_np.nn.mlp import MODELS
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.optim.schedules import SCHEDULES

P = TypeVar("P", bound=Callable[..., object])

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

OBSERVERS: dict[str, type[Any]] = {}
"""Name -> class of the observers that plugins bring: subclasses of `mnist_np.training.events.Observer`."""

PLUGGED: dict[str, dict[str, Any]] = {**REGISTRY, "metric": METRICS, "observer": OBSERVERS}
"""All that plugins may add to."""


def name_of(component: Component) -> str:
    """The option's name under which a component's class is registered: ``Adam(lr=1e-3)`` is ``adam``."""
    for name, kind in REGISTRY.get(component.group, {}).items():
        if kind is type(component):
            return name
    anew = any(_origin(kind) == _origin(type(component)) for kind in REGISTRY.get(component.group, {}).values())
    why = "this class was defined anew since: make the component again" if anew else "this class is not registered"
    raise ConfigError(component.group, type(component).__name__, why)


def lookup(group: str, name: object) -> type[Any]:
    """The dataclass registered as ``name`` in ``group``. Raises ConfigError that lists the names there are."""
    options = REGISTRY[group]
    if name not in options:
        raise ConfigError(group, name, f"{did_you_mean(str(name), list(options))}must be one of {', '.join(options)}")
    return options[str(name)]


def register(group: str, name: str) -> Callable[[P], P]:
    """A decorator that adds something of one's own as option ``name`` of ``group``.

    Args:
        group: a config group, whose component it is put above (and above ``@dataclass``); ``observer`` for a class of observers,
            whose fields are its parameters; or ``metric`` for a function that takes `metrics.Predictions` and returns a number.
        name: the option's name in YAML and on the command line.

    Returns:
        The decorator, which returns what it is given.

    Raises:
        ConfigError: an unknown group, a name that is taken, or what is not of the group.
    """

    def put(part: P) -> P:
        if group not in PLUGGED:
            raise ConfigError("group", group, f"{did_you_mean(group, list(PLUGGED))}must be one of {', '.join(PLUGGED)}")
        # Defined anew, as by a notebook's cell that was edited or a module that is loaded again, it takes its own place.
        if name in PLUGGED[group] and _origin(PLUGGED[group][name]) != _origin(part):
            raise ConfigError(group, name, "this name is taken already")
        if wanted := missing(group, part):
            raise ConfigError(group, getattr(part, "__name__", part), f"must be {wanted}")
        PLUGGED[group][name] = part
        return part

    return put


def _origin(part: object) -> tuple[object, object]:
    """The module that defines a class or a function, and its name there."""
    return getattr(part, "__module__", None), getattr(part, "__qualname__", None)


def missing(group: str, part: object) -> str:
    """What ``part`` would have to be for its group; empty if it is that."""
    if group == "metric":
        return "" if inspect.isfunction(part) else "a function that takes Predictions and returns a number"
    if group == "observer":
        return "" if isinstance(part, type) else "a subclass of mnist_np.training.events.Observer"
    is_component = isinstance(part, type) and issubclass(part, Component) and part.group == group
    return (
        ""
        if is_component and "__dataclass_fields__" in vars(part)
        else f"a @dataclass (written below @register) of the group {group}"
    )
