"""How many jobs a sweep has, found by multiplying, before any is made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from math import prod

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from omegaconf import DictConfig, OmegaConf

from mnist_np.component import ConfigError
from mnist_np.sweep.settings import Sweep


def check_size(config: DictConfig, overrides: Iterable[Override]) -> None:
    """Raise ConfigError for a key without values, and for more jobs than ``sweep.max_jobs``.

    A search makes as many runs as it has trials, but each key's values are listed there too.
    """
    limit = OmegaConf.select(config, "sweep.max_jobs", default=None)
    limit = limit if type(limit) is int else Sweep().max_jobs
    counts = {override.get_key_element(): n_values(override) for override in overrides if override.is_sweep_override()}
    searched = str(config.hydra.sweeper.get("_target_")).endswith(".SearchSweeper")
    n = max(counts.values(), default=1) if searched else prod(counts.values())
    if n > limit:
        what = "values for one key" if searched else "jobs"
        product = " x ".join(f"{key} {short(count)}" for key, count in counts.items())
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
