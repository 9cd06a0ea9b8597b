"""How many jobs a sweep has, found by multiplying, before any is made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from omegaconf import DictConfig

from mnist_np.cli.sweep_file import settings_of
from mnist_np.component import ConfigError
from mnist_np.sweep.settings import Sweep


def check_size(config: DictConfig, grids: Sequence[Iterable[Override]]) -> None:
    """Raise ConfigError for a key without values, and for more jobs than ``sweep.max_jobs``.

    A search makes as many runs as it has trials, but each key's values are listed there too.
    """
    settings = settings_of(config)
    counts = [counts_of(overrides, settings) for overrides in grids]
    if is_search(config):
        whole = {key: n for grid in counts for key, n in grid.items()}
        refuse_more(settings.max_jobs, max(whole.values(), default=1), "values for one key", whole)
    else:
        refuse_more(settings.max_jobs, sum(prod(grid.values()) for grid in counts), "jobs", *counts)


def is_search(config: DictConfig) -> bool:
    """Whether the sweep is a search."""
    return str(config.hydra.sweeper.get("_target_")).endswith(".SearchSweeper")


def counts_of(overrides: Iterable[Override], settings: Sweep) -> dict[str, int]:
    """How many values each key has that varies; of keys that go together the first alone."""
    last = {override.get_key_element(): override for override in overrides}
    counts = {key: n_values(override) for key, override in last.items() if override.is_sweep_override()}
    return {key: n for key, n in counts.items() if not any(key in group[1:] and group[0] in counts for group in settings.zip)}


def refuse_more(limit: int, n: int, what: str, *counts: Mapping[str, int]) -> None:
    """Raise ConfigError for more than ``limit``."""
    if n > limit:
        product = " + ".join(" x ".join(f"{key} {short(count)}" for key, count in grid.items()) for grid in counts)
        raise ConfigError("sweep.max_jobs", limit, f"there would be {short(n)} {what} ({product}); raise it if that is meant")


def n_values(override: Override) -> int:
    """How many values a key has; of an interval or a glob, which are not listed here, at least 1. Raises ConfigError."""
    value, key, typed = override.value(), override.get_key_element(), (override.input_line or "").partition("=")[2]
    n = 1
    if isinstance(value, ChoiceSweep):
        n = len(value.list)
    elif isinstance(value, RangeSweep):
        assert value.start is not None
        assert value.stop is not None
        if not value.step or not all(map(math.isfinite, (value.start, value.stop, value.step))):
            raise ConfigError(key, typed, "a range needs finite numbers and a step other than 0")
        n = max(0, math.ceil((value.stop - value.start) / value.step))
    if not n:
        raise ConfigError(key, typed, "has no values")
    return n


def short(n: int) -> str:
    """A number in a few characters."""
    return f"{n:,}" if n < 10**15 else "more than 10^15"
