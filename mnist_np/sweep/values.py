"""The values that a sweep varies, as a person reads them: ``1e-3`` and ``0.01`` are numbers in order, ``adam`` is a word."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

DECADES = 1.5
"""Positive numbers spread wider than this many powers of ten belong on a logarithmic axis."""

EVENLY = 1.5
"""So do those over one power of ten or more whose least distance there is so many times larger: 100, 300, 1000, 3000."""

LONG_NUMBER = 8
"""Characters of a number that nobody typed."""

ABSENT = "—"
"""What stands for the value of a key that a child does not have."""


def number(text: str) -> float | None:
    """``"1e-3"`` gives 0.001, and so does ``"[1e-3]"``, a list of one; None for what is no finite number."""
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        value = float(inner)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Each key's last part, where no other key shares it: ``optimizer.lr`` gives ``lr``."""
    whole = list(keys)
    parts = [key.rsplit(".", 1)[-1] for key in whole]
    return {key: part if parts.count(part) == 1 else key for key, part in zip(whole, parts, strict=True)}


def readable(text: str) -> str:
    """A value as a person reads it: a long number by its first four digits, all else as it is written."""
    value = number(text)
    return f"{value:.4g}" if value is not None and len(text) > LONG_NUMBER and text[0] != "[" else text


def title(values: Mapping[str, str]) -> str:
    """A run's name from the values that vary: ``adam 0.01 silu [64,32] s2``; MLflow's lists show but 20 characters.

    The keys stand in the run's params. ``true``, ``false`` (Hydra writes ``True``, ``False``) and ``null`` say nothing without
    theirs. Lists come last but for the seed, being long: in all runs of a sweep a value has the same place.
    """
    short, bare = short_names(values), ("true", "false", "null")
    words = [f"{short[key]}={value.lower()}" if value.lower() in bare else readable(value) for key, value in values.items()]
    named = [word for key, word in zip(values, words, strict=True) if key != "seed"]
    seed = [f"s{values['seed']}"] if "seed" in values else []
    return " ".join([*sorted(named, key=lambda word: "[" in word), *seed]) or "single"


def order(text: str) -> tuple[int, tuple[float, ...], str]:
    """Sort key: numbers by value, then lists of numbers by length and value (``[128]`` before ``[64,64]``), then words."""
    value = number(text)
    if value is not None:
        return 0, (value,), text
    try:
        entries = json.loads(text)
    except ValueError:
        return 2, (), text
    if isinstance(entries, list) and all(isinstance(entry, int | float) for entry in entries):
        return 1, (len(entries), *entries), text
    return 2, (), text


@dataclass(frozen=True)
class Param:
    """A key that varies and its distinct values in order, with the axis that suits them.

    ``scale`` is ``log``, ``linear`` or ``category``: words, lists, and numbers that no axis spreads well (zero among
    powers of ten) stand side by side at 0, 1, 2, ...
    """

    key: str
    values: tuple[str, ...]
    scale: str

    @staticmethod
    def of(key: str, values: Iterable[str]) -> Param:
        """The param with the values that its children have (repetitions allowed)."""
        distinct = tuple(sorted(set(values), key=order))
        return Param(key, distinct, _scale([number(value) for value in distinct]))

    def position(self, value: str) -> float:
        """Where a value lies on this param's axis; for a ``log`` scale still the number itself."""
        found = number(value)
        return float(self.values.index(value)) if self.scale == "category" or found is None else found


def _scale(numbers: list[float | None]) -> str:
    """The axis for distinct values, of which None are no numbers."""
    known = [value for value in numbers if value is not None]
    if len(known) < len(numbers) or not known:
        return "category"
    positive = [value for value in known if value > 0]
    decades = math.log10(max(positive) / min(positive)) if len(positive) > 1 else 0.0
    evenly = decades >= 1 and len(positive) == len(known) and _gap(list(map(math.log, known))) > EVENLY * _gap(known)
    if decades <= DECADES and not evenly:
        return "linear"
    return "log" if len(positive) == len(known) else "category"


def _gap(numbers: list[float]) -> float:
    """The least distance between two of several numbers in order, as a part of the whole range."""
    return min(b - a for a, b in pairwise(numbers)) / (numbers[-1] - numbers[0])


def varying(rows: Iterable[dict[str, str]]) -> list[Param]:
    """The keys, in order of appearance, whose value is not the same in all rows."""
    rows = list(rows)
    keys = dict.fromkeys(key for row in rows for key in row)
    params = [Param.of(key, (row.get(key, ABSENT) for row in rows)) for key in keys]
    return [param for param in params if len(param.values) > 1]


def going_together(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """The keys whose values go one to one with those of another key, so that nothing tells their effects apart.

    Two numbers must also rise, or rise and fall, together: those of a search differ in each run and still tell something.
    """
    rows = list(rows)
    keys = [param.key for param in varying(map(dict, rows))]
    found = set[str]()
    for a, b in combinations(keys, 2):
        pairs = sorted({(row.get(a, ABSENT), row.get(b, ABSENT)) for row in rows}, key=lambda pair: order(pair[0]))
        are_numbers = None not in [number(value) for pair in pairs for value in pair]
        second = [order(value) for _, value in pairs]
        one_to_one = len(pairs) == len({value for value, _ in pairs}) == len(set(second))
        if one_to_one and (not are_numbers or sorted(second) in (second, second[::-1])):
            found |= {a, b}
    return [key for key in keys if key in found]
