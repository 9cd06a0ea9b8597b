"""From the command line's overrides to the objects that train, by way of Hydra, and checked before anything is made."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

from hydra import initialize_config_dir

# HydraContext demands an object of this class, and Hydra has no public one.
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from mnist_np.cli.arguments import refuse_sweeps_without_effect
from mnist_np.cli.folders import conf_folder
from mnist_np.cli.hydra_node import check_hydra_node
from mnist_np.cli.sweep_file import grids_of
from mnist_np.cli.sweep_size import check_size
from mnist_np.component import ConfigError, did_you_mean
from mnist_np.files import read_regular
from mnist_np.sweep.run_config import RunConfig

MAX_BYTES = 1 << 20
"""Bytes of a file of options."""


class CommandLineFolder(SearchPathPlugin):
    """Lets Hydra look into the folder of ``--config-dir``, after ``conf/`` itself."""

    folder: ClassVar[Path | None] = None

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        if self.folder:
            search_path.append("command-line", f"file://{self.folder}")


def config_loader(args: argparse.Namespace) -> ConfigLoader:
    """Hydra, started on the folders that the arguments name. Raises ConfigError."""
    own = Path(args.config_dir).resolve() if args.config_dir else None
    if own and not own.is_dir():
        raise ConfigError("--config-dir", args.config_dir, "there is no such folder")
    if own:
        check_options(own)
    CommandLineFolder.folder = own
    Plugins.instance().register(CommandLineFolder)
    GlobalHydra.instance().clear()
    folder = Path(args.config_path).resolve() if args.config_path else conf_folder()
    initialize_config_dir(str(folder), job_name="train", version_base="1.3")
    return GlobalHydra.instance().config_loader()


def check_options(folder: Path) -> None:
    """Raise ConfigError unless the options in a folder, as deep as ours lie, are files of text."""
    for path in (path for levels in ("", "*/", "*/*/") for path in folder.glob(f"{levels}*.yaml")):
        try:
            read_regular(path, MAX_BYTES, follow=True).decode()
        except OSError as error:
            raise ConfigError("--config-dir", str(path), str(error.strerror)) from None
        except UnicodeDecodeError:
            raise ConfigError("--config-dir", str(path), "is not a file of text (UTF-8)") from None


def compose(args: argparse.Namespace) -> DictConfig:
    """The whole composed config of the arguments, its ``hydra`` node included, whose ``mode`` says whether it is a sweep's.

    Raises Hydra's and OmegaConf's exceptions (see `messages.explain`) and ConfigError.
    """
    loader, name, overrides = config_loader(args), args.config_name or "config", list(args.overrides)

    def load(mode: RunMode) -> DictConfig:
        return loader.load_configuration(name, overrides, mode, validate_sweep_overrides=mode == RunMode.RUN)

    parsed = OverridesParser.create().parse_overrides(overrides)
    several = any(override.is_sweep_override() for override in parsed)
    config = load(RunMode.MULTIRUN if args.multirun or (several and not args.cfg) else RunMode.RUN)
    if args.multirun and config.hydra.mode != RunMode.MULTIRUN:
        config.hydra.mode = RunMode.MULTIRUN
        config.hydra.overrides.hydra.append("hydra.mode=MULTIRUN")  # from which a job's config is composed
    elif several and config.hydra.mode != RunMode.MULTIRUN:
        load(RunMode.RUN)  # says which values are too many
    HydraConfig.instance().set_config(config)
    check_hydra_node(config)
    if config.hydra.mode == RunMode.MULTIRUN:
        grids = [OverridesParser.create().parse_overrides(texts) for texts in grids_of(config)]
        refuse_sweeps_without_effect(override for grid in grids for override in grid)
        check_size(config, [[*grid, *parsed] for grid in grids])
    return config


def context() -> HydraContext:
    """What launchers and sweepers are given. There are no callbacks: `check_hydra_node` lets no config name one."""
    return HydraContext(GlobalHydra.instance().config_loader(), Callbacks())


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of the config without Hydra's own node."""
    copy = deepcopy(config)
    with open_dict(copy):
        copy.pop("hydra", None)
    return copy


def to_run_config(config: DictConfig) -> RunConfig:
    """The real components of a composed config (without its ``hydra`` node). Raises ConfigError."""
    check_all_keys(config)
    made = OmegaConf.to_object(config)
    assert isinstance(made, RunConfig)
    return made


def check_all_keys(config: DictConfig) -> None:
    """Refuse keys that are not there in the types. Raises ConfigError."""
    for path, node in nodes(config):
        check_keys(path, node)


def nodes(config: DictConfig, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """The config and all mappings within it, with their dotted keys."""
    yield path, config
    for key in map(str, config):
        if OmegaConf.is_missing(config, key) or OmegaConf.is_interpolation(config, key):
            continue
        if isinstance(child := config[key], DictConfig):
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
