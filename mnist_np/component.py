"""The base of every configurable part of an experiment: a dataclass that holds, names and checks its hyperparameters.

A component *is* its configuration: ``Adam(lr=1e-3)`` is what a notebook writes, what ``conf/optimizer/adam.yaml`` describes
and what trains. Its fields state their own ranges (``lr: float = bounded(0.1, gt=0)``), checked whenever one is made.
"""

from __future__ import annotations

import dataclasses
import math
from copy import copy
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, TypeVar

T = TypeVar("T")

LONGEST_VALUE = 200
"""Characters of a value in a message."""

LARGEST_INTEGER = 2**63 - 1
"""What NumPy, SQLite and MLflow can hold."""

JsonDict: TypeAlias = dict[str, Any]
"""What an object in a JSON or YAML file is: texts, numbers, lists and further objects by their names."""

OUTSIDE = (OSError, MemoryError)
"""Failures whose cause lies outside the code, such as a full disk or too little memory: their message says all."""


class UserError(ValueError):
    """An error that the user can correct. The message is complete without a traceback."""


class RunFailed(RuntimeError):  # noqa: N818 (what happened, in the past tense)
    """Something outside the program ended a run, such as a killed process. The message says all: no traceback is needed."""


class ConfigError(UserError):
    """An invalid hyperparameter. The message names the key, the value and what is allowed."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{key} = {brief(value)}: {allowed}")
        self.key, self.value, self.allowed = key, value, allowed


def brief(value: object) -> str:
    """A value for a message: ``repr`` of it, or the beginning where that is long."""
    try:
        return shortened(repr(value))
    except ValueError:  # Python does not write out integers of more than 4,300 digits
        return "a number of thousands of digits"


def shortened(text: str) -> str:
    """The text, or its first `LONGEST_VALUE` characters."""
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def bounded(
    default: T, *, gt: float | None = None, ge: float | None = None, lt: float | None = None, le: float | None = None
) -> T:
    """A dataclass field whose number (or each number of its list) must be within the given bounds; None is accepted."""
    limits = {">": gt, ">=": ge, "<": lt, "<=": le}
    metadata = {"limits": {sign: limit for sign, limit in limits.items() if limit is not None}}
    if isinstance(default, list):
        return field(default_factory=lambda: copy(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def one_of(default: T, *choices: str) -> T:
    """A dataclass field that must be one of the given words; None is accepted if it is the default."""
    return field(default=default, metadata={"choices": choices})


def without_effect(default: T) -> T:
    """A dataclass field that does not affect a run's result, and so is no part of an experiment's fingerprint.

    ``threads: int = without_effect(bounded(1, ge=1))``
    """
    return marked(default, affects_result=False)


def added(default: T) -> T:
    """A dataclass field that came later than others and does nothing at its default. With that it is no part of an experiment's
    fingerprint, so that runs from before it need not be made again.

    ``vat: float = added(bounded(0.0, ge=0))``
    """
    return marked(default, added=True)


def counted_as(default: T, **stands_for: object) -> T:
    """A dataclass field some of whose words count as another value in an experiment's fingerprint: runs of both are the same run.

    ``processes: Any = counted_as("auto", auto=1)``
    """
    return marked(default, counted_as=stands_for)


def marked(default: T, **metadata: object) -> T:
    """A dataclass field with that default, or what `bounded` and its like made, with this metadata too."""
    if not isinstance(default, dataclasses.Field):
        return field(default=default, metadata=metadata)
    default.metadata = MappingProxyType({**default.metadata, **metadata})
    return default


def did_you_mean(word: str, known: list[str]) -> str:
    """``'adm', ['adam', 'sgd']`` gives ``"did you mean 'adam'? "``, or nothing when no name is near."""
    near = get_close_matches(str(word)[:LONGEST_VALUE], known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'? " if near else ""


TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
"""The annotations whose values are checked; what is ``Any`` or a component checks itself."""


def without_null(annotation: str) -> tuple[str, bool]:
    """``float | None`` and ``Optional[float]`` give ``("float", True)``, ``float`` gives ``("float", False)``."""
    bare = annotation.removesuffix(" | None")
    if bare.startswith("Optional["):
        bare = bare[len("Optional[") : -1]
    return bare, bare != annotation


@dataclass
class Component:
    """Base of all configurable parts. ``group`` is the config group (``conf/<group>/``) that chooses among its subclasses."""

    group: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            self._check_type(f, value)
            self._check_limits(f, value)
            choices = f.metadata.get("choices")
            if choices and value not in choices and not (value is None and f.default is None):
                allowed = f"{did_you_mean(value, list(choices))}must be one of {', '.join(choices)}"
                raise self.error(f.name, value, allowed)
        self.check()

    def check(self) -> None:
        """Check what concerns several fields at once. Raises ConfigError."""

    def error(self, name: str, value: object, allowed: str) -> ConfigError:
        """The ConfigError for field ``name``, with its full dotted key."""
        return ConfigError(f"{self.group}.{name}" if self.group else name, value, allowed)

    def _check_type(self, f: dataclasses.Field[object], value: object) -> None:
        """Refuse a value of another type than the annotation's, as a typed YAML file does. Integers become floats for floats."""
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > LARGEST_INTEGER and "float" not in str(f.type):
                raise self.error(f.name, value, f"integers must be at most {LARGEST_INTEGER}")
        kind, optional = without_null(str(f.type))
        inner, entries_optional = without_null(kind[5:-1]) if kind.startswith("list[") else ("", False)
        if value is None and optional:
            return
        if inner and isinstance(value, list):
            setattr(self, f.name, [self._typed(f.name, inner, entries_optional, entry, value) for entry in value])
        elif inner:
            raise self.error(f.name, value, f"must be a list of type {inner}{' or null' if optional else ''}")
        else:
            setattr(self, f.name, self._typed(f.name, kind, optional, value, value))

    def _typed(self, name: str, kind: str, optional: bool, value: object, whole: object) -> object:
        """``value``, an entry of ``whole`` or itself the whole, as an instance of ``kind``. Raises ConfigError."""
        expected = TYPES.get(kind)
        if expected is None or (value is None and optional):
            return value
        if kind == "float" and type(value) is int and abs(value) < 10**300:
            return float(value)
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            every = "every entry " if value is not whole else ""
            raise self.error(name, whole, f"{every}must be of type {kind}{' or null' if optional else ''}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(name, whole, "must be a finite number")
        return value

    def _check_limits(self, f: dataclasses.Field[object], value: object) -> None:
        limits = f.metadata.get("limits")
        if not limits or value is None:
            return
        holds = {">": lambda v, x: v > x, ">=": lambda v, x: v >= x, "<": lambda v, x: v < x, "<=": lambda v, x: v <= x}
        for number in value if isinstance(value, list) else [value]:
            valid = isinstance(number, int | float) and all(holds[sign](number, limit) for sign, limit in limits.items())
            if number is not None and not valid:
                must = " and ".join(f"{sign} {limit:g}" for sign, limit in limits.items())
                raise self.error(f.name, value, f"{'every entry ' if isinstance(value, list) else ''}must be {must}")
