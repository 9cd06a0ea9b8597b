"""The points of a grid: every combination of the values of its keys, where some keys go in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from mnist_np.component import ConfigError
from mnist_np.sweep.conditions import compare, plain

Axes = Mapping[str, Sequence[str]]
"""Key -> the values that it takes, as overrides write them."""


def points(axes: Axes, zipped: Sequence[Sequence[str]] = ()) -> Iterator[dict[str, str]]:
    """Every combination of values; the keys of a group in ``zipped`` take their values together, in order.

    Groups none of whose keys are in ``axes`` are passed over (see `check_groups`). Raises ConfigError (see `check_zip`).
    """
    groups = [group for group in zipped if set(group) & set(axes)]
    check_zip(axes, groups)
    together = {key: tuple(group) for group in groups for key in group}
    parts = list(dict.fromkeys(together.get(key, (key,)) for key in axes))
    for chosen in product(*(list(zip(*(axes[key] for key in keys), strict=True)) for keys in parts)):
        values = {key: value for keys, row in zip(parts, chosen, strict=True) for key, value in zip(keys, row, strict=True)}
        yield {key: values[key] for key in axes}


def check_groups(grids: Sequence[Axes], zipped: Sequence[Sequence[str]]) -> None:
    """Raise ConfigError for a group in ``zipped`` that no grid takes up: `points` passes over it in each of them."""
    keys = dict.fromkeys(key for axes in grids for key in axes)
    for group in zipped:
        if not set(group) & set(keys):
            raise ConfigError("sweep.zip", zipped, not_varied(group[0], keys))


def not_varied(key: str, keys: Iterable[str]) -> str:
    """What to do about a key that is to be paired but has no values."""
    return f"{key} does not vary: give it several values (keys that vary: {', '.join(keys) or 'none'})"


def check_zip(axes: Axes, zipped: Sequence[Sequence[str]]) -> None:
    """Raise ConfigError unless the keys of each group vary and have as many values as each other."""
    for group in zipped:
        for key in group:
            if key not in axes:
                raise ConfigError("sweep.zip", zipped, not_varied(key, axes))
        if len({len(axes[key]) for key in group}) > 1:
            counts = ", ".join(f"{key} has {len(axes[key])}" for key in group)
            raise ConfigError("sweep.zip", zipped, f"values are paired in order, so each key needs as many: {counts}")


def written_as(first: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """The ``values`` as ``first`` writes those that are the same: figures would take ``0.1`` and ``1e-1`` for two values."""
    return {
        key: first[key] if key in first and compare(plain(text), "=", plain(first[key])) else text for key, text in values.items()
    }
