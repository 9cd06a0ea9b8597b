"""What a sweep's file (``conf/sweep``) varies: ``hydra.sweeper.params``, and each grid of ``sweep.grids`` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mnist_np.cli.logspace import expand
from mnist_np.component import ConfigError
from mnist_np.sweep.conditions import as_written
from mnist_np.sweep.settings import Sweep


def texts_of(values: Mapping[str, object]) -> list[str]:
    """A mapping of keys to values as overrides. Raises ConfigError."""
    return [expand(f"{key!s}={as_written(value)}") for key, value in values.items()]


def settings_of(config: DictConfig) -> Sweep:
    """The keys of the group ``sweep``, checked. Raises ConfigError."""
    made = OmegaConf.to_object(config.sweep) if OmegaConf.select(config, "sweep") is not None else Sweep()
    if not isinstance(made, Sweep):
        raise ConfigError("sweep", made, "must be a mapping of keys")
    return made


def grids_of(config: DictConfig) -> list[list[str]]:
    """The overrides of a sweep's file: one list for each grid. Raises ConfigError."""
    params: Any = OmegaConf.to_container(config.hydra.sweeper.get("params") or OmegaConf.create({}))
    common = texts_of(params)
    return [[*common, *texts_of(grid)] for grid in settings_of(config).grids or [{}]]
