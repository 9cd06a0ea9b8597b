"""Dataclasses taken apart into JSON and named arrays, and put together again by their annotations. No pickle, no code.

``pack(Best(3, {"val/loss": 0.1}, W, s), "best", arrays)`` gives a tree that JSON can hold::

    {"epoch": 3, "metrics": {"val/loss": 0.1}, "params": {"$array": "best.params"}, "state": {"$array": "best.state"}}

and puts W and s into ``arrays``. Everything comes back as it was, to the bit and to the type: a float32 scalar does not
become a float, since the two round differently.
"""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from mnist_np.component import JsonDict
from mnist_np.storage.tensorfile import Arrays

NUMBERS: dict[type, tuple[type, ...]] = {int: (int, np.integer), float: (float, int, np.floating, np.integer)}
"""What may stand where a number is annotated."""


def pack(value: object, name: str, arrays: Arrays) -> object:
    """The JSON tree of ``value``; its arrays go into ``arrays`` under dotted names that begin with ``name``.

    Raises TypeError naming what cannot be saved.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = np.asarray(value, order="C")
        return {"$array": name}
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return {"$scalar": [value.dtype.name, value.item()]}
    if isinstance(value, np.random.Generator):
        return {"$generator": value.bit_generator.state}
    if isinstance(value, list):
        return [pack(entry, f"{name}.{i}", arrays) for i, entry in enumerate(value)]
    if isinstance(value, dict):
        return {key: pack(entry, f"{name}.{key}", arrays) for key, entry in value.items() if not key.startswith("_")}
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {key: pack(entry, f"{name}.{key}", arrays) for key, entry in fields.items()}
    raise TypeError(f"{name} is of type {type(value).__name__}, which a checkpoint cannot hold")


def unpack(kind: Any, tree: Any, arrays: Arrays, name: str = "") -> Any:
    """The value of type ``kind`` that `pack` took apart. Raises ValueError naming the part that is not of its type."""
    if kind is Any:
        return _unpack_any(tree, arrays, name)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (option for option in arguments if option is not type(None))
        return None if tree is None else unpack(inner, tree, arrays, name)
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        hints = get_type_hints(kind)
        expect(isinstance(tree, dict) and tree.keys() == hints.keys(), name, f"must have just the fields {', '.join(hints)}")
        return kind(**{key: unpack(hints[key], entry, arrays, f"{name}.{key}") for key, entry in tree.items()})
    if origin is dict:
        expect(isinstance(tree, dict), name, "must be a mapping")
        return {key: unpack(arguments[1], entry, arrays, f"{name}.{key}") for key, entry in tree.items()}
    if origin is list:
        expect(isinstance(tree, list), name, "must be a list")
        return [unpack(arguments[0], entry, arrays, f"{name}.{i}") for i, entry in enumerate(tree)]
    value = _unpack_any(tree, arrays, name)
    expected = NUMBERS.get(kind, (origin or kind,))
    expect(isinstance(value, expected) and (kind is bool or not isinstance(value, bool)), name, f"must be of type {kind}")
    return value


def _unpack_any(tree: Any, arrays: Arrays, name: str) -> Any:
    """By the tree alone: what an optimizer's state holds is its own affair."""
    if isinstance(tree, list):
        return [_unpack_any(entry, arrays, f"{name}.{i}") for i, entry in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    if "$array" in tree:
        expect(tree["$array"] in arrays, name, f"its array {tree['$array']!r} is missing")
        return arrays[tree["$array"]]
    if "$scalar" in tree:
        kind, value = tree["$scalar"]
        expect(kind in ("bool", "float32", "float64", "int32", "int64"), name, f"{kind!r} is not a type of number")
        return np.dtype(kind).type(value)
    if "$generator" in tree:
        return _generator(tree["$generator"], name)
    return {key: _unpack_any(entry, arrays, f"{name}.{key}") for key, entry in tree.items()}


def _generator(state: JsonDict, name: str) -> np.random.Generator:
    """A generator that goes on where the saved one stood."""
    generator = np.random.default_rng(0)
    try:
        generator.bit_generator.state = state
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"{name}: not the state of a random stream: {error}") from None
    return generator


def expect(holds: bool, name: str, message: str) -> None:
    """Raise ValueError unless ``holds``."""
    if not holds:
        raise ValueError(f"{name.lstrip('.')}: {message}")
