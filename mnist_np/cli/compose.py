"""From the command line's overrides to the objects that train, by way of Hydra, and checked before anything is made."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from mnist_np.cli.folders import conf_folder
from mnist_np.component import ConfigError, did_you_mean
from mnist_np.sweep.run_config import RunConfig

OWN_CLASSES = ("hydra_plugins.", "hydra._internal.core_plugins.")
"""Where Hydra's own ``_target_`` keys may point: what runs jobs, and nothing else."""


def compose(args: argparse.Namespace) -> tuple[DictConfig, Hydra]:
    """The whole composed config of Hydra's parsed arguments, its ``hydra`` node included, and the Hydra that made it.

    Raises Hydra's and OmegaConf's exceptions (see `messages.explain`) and ConfigError.
    """
    folder = Path(args.config_path).resolve() if args.config_path else conf_folder()
    search_path = create_config_search_path(str(folder))
    if args.config_dir:
        own = Path(args.config_dir).resolve()
        if not own.is_dir():
            raise ConfigError("--config-dir", args.config_dir, "there is no such folder")
        search_path.prepend("command-line", own.as_uri(), SearchPathQuery(provider="schema"))
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("train", search_path)
    config = hydra.compose_config(
        config_name=args.config_name or "config",
        overrides=args.overrides,
        run_mode=RunMode.MULTIRUN if args.multirun else RunMode.RUN,
        with_log_configuration=False,
    )
    refuse_targets(config)
    return config, hydra


def without_hydra(config: DictConfig) -> DictConfig:
    """The config without Hydra's own node, which is taken out of it."""
    with open_dict(config):
        config.pop("hydra", None)
    return config


def to_run_config(config: DictConfig) -> RunConfig:
    """The real components of a composed config (without its ``hydra`` node). Raises ConfigError."""
    for path, node in nodes(config):
        check_keys(path, node)
    made = OmegaConf.to_object(config)
    assert isinstance(made, RunConfig)
    return made


def nodes(config: DictConfig, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """The config and all mappings within it, with their dotted keys."""
    yield path, config
    for key in map(str, config):
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not (child._is_none() or child._is_missing() or child._is_interpolation()):
            yield from nodes(child, f"{path}.{key}" if path else key)


def check_keys(path: str, node: DictConfig) -> None:
    """Refuse keys that ``+key=...`` added to a typed mapping or ``~key`` took from it: OmegaConf lets both pass."""
    kind = OmegaConf.get_type(node)
    if not dataclasses.is_dataclass(kind):
        return
    names = [f.name for f in dataclasses.fields(kind)]
    prefix = f"{path}." if path else ""
    for key in map(str, node):
        if key not in names:
            values: Any = OmegaConf.to_container(node)
            raise ConfigError(prefix + key, values[key], f"no such key; {did_you_mean(key, names)}keys: {', '.join(names)}")
    for name in names:
        if name not in node:
            if OmegaConf.is_missing(node, name):
                raise ConfigError(prefix + name, None, "an option must be chosen")
            raise ConfigError(prefix + name, None, "this key cannot be removed")


def refuse_targets(config: DictConfig) -> None:
    """Refuse ``_target_`` anywhere but where Hydra names what launches jobs: a config must not name code to call."""
    for path, node in nodes(config):
        if "_target_" in node:
            values: Any = OmegaConf.to_container(node)
            target = str(values["_target_"])
            if not (path in ("hydra.launcher", "hydra.sweeper") and target.startswith(OWN_CLASSES)):
                raise ConfigError(f"{path}._target_".lstrip("."), target, "a config may not name code to call")
