"""Experiments as plain data and back: what YAML files, MLflow, checkpoints and fingerprints hold.

A component becomes a mapping of its fields, with ``name`` first, which says the option of its group::

    optimizer: {name: adam, lr: 0.001, beta1: 0.9, ...}
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from mnist_np.component import Component, ConfigError, JsonDict, did_you_mean
from mnist_np.registry import REGISTRY, lookup, name_of

C = TypeVar("C", bound=Component)


def to_dict(component: Component, only_effective: bool = False) -> JsonDict:
    """The component and all within it as nested dictionaries, lists and scalars.

    ``only_effective`` leaves out the fields that are marked `without_effect` on a run's result, and those that are marked
    `added` and have their default; of those marked `counted_as` it gives the value that a word stands for.
    """
    described: JsonDict = {"name": name_of(component)} if component.group in REGISTRY else {}
    for f in dataclasses.fields(component):
        value = getattr(component, f.name)
        is_idle = not f.metadata.get("affects_result", True) or (f.metadata.get("added", False) and value == f.default)
        if only_effective and isinstance(value, str):
            value = f.metadata.get("counted_as", {}).get(value, value)
        if not (only_effective and is_idle):
            described[f.name] = to_dict(value, only_effective) if isinstance(value, Component) else value
    return described


def from_dict(kind: type[C], values: JsonDict, path: str = "") -> C:
    """The component of class ``kind`` (or, by its ``name``, of its group) that `to_dict` described.

    Keys left out keep their defaults. Raises ConfigError for an unknown key or name and for a value out of range.
    """
    values = dict(values)
    if kind.group in REGISTRY and "name" in values:
        kind = lookup(kind.group, values.pop("name"))
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in values:
        if key not in fields:
            raise ConfigError(path + key, values[key], f"{did_you_mean(key, list(fields))}known keys: {', '.join(fields)}")
    default = kind()
    for key, value in values.items():
        inner = getattr(default, key)
        if isinstance(inner, Component):
            if not isinstance(value, dict):
                raise ConfigError(path + key, value, "must be a mapping of keys")
            values[key] = from_dict(type(inner), value, f"{path}{key}.")
    return kind(**values)


def flatten(values: JsonDict, prefix: str = "") -> JsonDict:
    """Dotted keys: ``{"optimizer": {"name": "sgd", "lr": 0.1}}`` gives ``{"optimizer": "sgd", "optimizer.lr": 0.1}``."""
    flat: JsonDict = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        elif key == "name" and prefix:
            flat[prefix[:-1]] = value
        else:
            flat[prefix + key] = value
    return flat
