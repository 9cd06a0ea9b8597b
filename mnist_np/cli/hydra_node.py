"""Checks of the ``hydra`` node of a config: it may not name code to call, nor set folders that runs do not use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra.types import RunMode
from omegaconf import Container, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mnist_np.component import ConfigError

MADE_BY_HYDRA = ("hydra.launcher", "hydra.sweeper")
"""The nodes that Hydra makes objects of."""

OURS = "hydra_plugins.mnist_np."
"""How the ``_target_`` of our own launcher and sweepers begins."""

# The names that Hydra's own configs give its basic launcher and sweeper; it has no public ones. Nothing is imported from there.
HYDRAS = "hydra._internal.core_plugins."
BASIC = HYDRAS + "basic_launcher.BasicLauncher"
"""Hydra's default launcher, in whose place the runs are made in this process."""

OWN_CLASSES = ("hydra_plugins.", HYDRAS)
"""How the ``_target_`` of a launcher or sweeper may begin: what runs jobs, and nothing else."""

NUMBERS = ("workers", "num_cpus", "cpus_per_task")
"""Keys of launchers that are whole numbers from 1 on."""

LOGGING = ("hydra.job_logging", "hydra.hydra_logging")
"""The nodes that ``logging.config.dictConfig`` makes objects of: whatever ``class`` and ``()`` name."""

LOGGING_CLASSES = ("logging.", "rich.logging.", "colorlog.")

CALLBACKS = "what observes runs is a plugin (see observers in conf/config.yaml)"

MOST_WORKERS = 1024
"""The most of anything that a launcher counts."""


def check_hydra_node(config: DictConfig) -> None:
    """Raise ConfigError where a composed config names code to call anywhere, or asks Hydra for what is ours to decide."""
    for path, key, value in entries(config):
        if key == "_target_" and not (path in MADE_BY_HYDRA and str(value).startswith(OWN_CLASSES)):
            instead = f"; {CALLBACKS}" if "callbacks" in path.split(".") else ""
            raise ConfigError(f"{path}._target_".lstrip("."), value, f"a config may not name code to call{instead}")
        if key in ("class", "()") and path.startswith(LOGGING) and not str(value).startswith(LOGGING_CLASSES):
            raise ConfigError(f"{path}.{key}", value, f"must begin with {' or '.join(LOGGING_CLASSES)}")
    if config.hydra.get("callbacks"):
        raise ConfigError("hydra.callbacks", OmegaConf.to_container(config.hydra.callbacks), f"are not called; {CALLBACKS}")
    check_launcher(config.hydra)
    check_sweeper(config.hydra)
    check_folders(config.hydra)


def entries(node: Container, path: str = "") -> Iterator[tuple[str, object, object]]:
    """Every entry of a config at any depth, lists included: the dotted path of what holds it, its key, its value as written.

    An interpolation that gives a mapping or a list is followed in the nodes that objects are made of.
    """
    keys: Any = range(len(node)) if isinstance(node, ListConfig) else list(node.keys()) if isinstance(node, DictConfig) else []
    for key in keys:
        within = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_missing(node, key):
            continue
        if OmegaConf.is_interpolation(node, key):
            written: Any = OmegaConf.to_container(node)
            yield path, key, written[key]
            child = resolved(node, key) if within.startswith((*MADE_BY_HYDRA, *LOGGING)) else None
        else:
            child = node[key]
            yield path, key, child
        if isinstance(child, Container):
            yield from entries(child, within)


def resolved(node: Container, key: object) -> object:
    """What an interpolation gives; None where that is not known before the run."""
    try:
        found = node[key]
    except OmegaConfBaseException:
        return None
    return OmegaConf.create(found) if isinstance(found, dict | list) else found  # plain ones come from ${oc.decode:...}


def check_launcher(hydra: DictConfig) -> None:
    """Refuse other packages' launchers, which take lists of jobs, and invalid numbers of our own. Raises ConfigError."""
    launcher = hydra.launcher
    target, chosen = str(launcher.get("_target_")), hydra.runtime.choices.get("hydra/launcher")
    if hydra.mode == RunMode.MULTIRUN and target != BASIC and not target.startswith(OURS):
        raise ConfigError("hydra/launcher", chosen, "is no launcher of mnist-np: must be local, ray, slurm, slurm_local or basic")
    for key in NUMBERS:
        value, optional = launcher.get(key), key == "workers" and "cluster" not in launcher
        if key in launcher and not (value is None and optional) and (type(value) is not int or not 1 <= value <= MOST_WORKERS):
            allowed = f"must be a whole number from 1 to {MOST_WORKERS}{', or null' if optional else ''}"
            raise ConfigError(f"hydra.launcher.{key}", value, allowed)


def check_sweeper(hydra: DictConfig) -> None:
    """Refuse other packages' sweepers: their runs would not be children of a sweep and would be in no table."""
    if hydra.mode == RunMode.MULTIRUN and not str(hydra.sweeper.get("_target_")).startswith(OURS):
        allowed = "keeps no table of its runs: must be grid (every combination of the values) or search"
        chosen, file = (hydra.runtime.choices.get(group) for group in ("hydra/sweeper", "sweep"))
        if chosen == "basic" and file != "default":
            allowed += f"; the file of sweep={file} needs the line defaults: [default@sweep, _self_]"
        raise ConfigError("hydra/sweeper", chosen, allowed)


def check_folders(hydra: DictConfig) -> None:
    """Refuse Hydra's keys for folders that a run or a sweep of ours does not go by. Raises ConfigError."""
    if hydra.job.chdir:
        raise ConfigError("hydra.job.chdir", True, "must be false: paths are relative to the folder of the command")
    ours = str(hydra.sweeper.get("_target_")).startswith(OURS)
    written: Any = OmegaConf.to_container(hydra.sweep)
    for key, start in (("dir", "${outputs}/.launcher/"), ("subdir", "${hydra.job.num}")):
        if ours and not str(written[key]).startswith(start):
            allowed = "cannot be chosen: a sweep lies in OUTPUTS/sweeps/NAME-ID (see outputs and sweep.name)"
            raise ConfigError(f"hydra.sweep.{key}", written[key], allowed)
