"""Observers of plugins, as a config names them: ``observers: [a, {name: b, every: 5}]``, with their fields as parameters."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

from mnist_np.component import TYPES, ConfigError, did_you_mean, without_null
from mnist_np.registry import OBSERVERS
from mnist_np.training.events import Observer


def observer_class(entry: object) -> type[Any]:
    """The class that an entry of ``observers`` names. Raises ConfigError for what there is not, and a wrong type."""
    name, params = _parts(entry)
    if name not in OBSERVERS:
        known = f"must be one of {', '.join(OBSERVERS)}" if OBSERVERS else "there are none: they come from plugins"
        raise ConfigError("observers", entry, f"'{name}'? {did_you_mean(name, list(OBSERVERS))}{known}")
    kind = OBSERVERS[name]
    if not issubclass(kind, Observer):
        raise ConfigError("observers", entry, f"{kind.__name__} must be a subclass of mnist_np.training.events.Observer")
    fields: dict[str, dataclasses.Field[object]] = (
        {f.name: f for f in dataclasses.fields(kind) if f.init} if dataclasses.is_dataclass(kind) else {}
    )
    keys = list(fields)
    for key, value in params.items():
        if key not in keys:
            known = f"known keys: {', '.join(keys)}" if keys else f"{name} has no parameters"
            raise ConfigError("observers", entry, f"no such key: {key}; {did_you_mean(key, keys)}{known}")
        written = fields[key].type
        annotation = written if isinstance(written, str) else inspect.formatannotation(written)
        wanted, optional = without_null(annotation)
        if wanted in TYPES and not (value is None and optional) and not is_of(TYPES[wanted], value):
            raise ConfigError("observers", entry, f"{key} must be of type {wanted}{' or null' if optional else ''}")
    return kind


def is_of(kind: type, value: object) -> bool:
    """Whether ``value`` is a ``kind``; an integer is a float too, a bool is no number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))


def make_observers(entries: list[object], folder: Path) -> list[Observer]:
    """The observers of a run, each with the run's folder as ``run_folder``. Raises ConfigError for parameters that it refuses."""
    made = []
    for entry in entries:
        kind, (_, params) = observer_class(entry), _parts(entry)
        try:
            observer: Observer = kind(**params)
        except Exception as error:
            raise ConfigError("observers", entry, f"{type(error).__name__}: {error}") from error
        observer.run_folder = folder
        made.append(observer)
    return made


def _parts(entry: object) -> tuple[str, dict[str, object]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not all(isinstance(key, str) for key in entry):
        raise ConfigError("observers", entry, "each must be a name, or {name: NAME, KEY: VALUE}")
    return entry["name"], {key: value for key, value in entry.items() if key != "name"}
