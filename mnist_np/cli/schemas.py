"""The types behind ``conf/``: every component is its own schema, and `RunConfig` is the type of the whole."""

from __future__ import annotations

import dataclasses

from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import OmegaConf

from mnist_np.cli.folders import conf_folder
from mnist_np.component import Component
from mnist_np.experiment import Training
from mnist_np.registry import REGISTRY
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.settings import Sweep
from mnist_np.tracking.settings import Tracking

SINGLE: dict[str, type[Component]] = {"training": Training, "tracking": Tracking, "sweep": Sweep}
"""Groups whose options are all of one class: presets of values."""


class Schemas(dict[str, object]):
    """A group of Hydra's ConfigStore, file name -> class, that makes a schema when it is asked for.

    To make all of them would take 50 ms of every start.
    """

    def __getitem__(self, file: str) -> object:
        found = super().__getitem__(file)
        if isinstance(found, type):
            found = self[file] = ConfigNode(file, OmegaConf.structured(found), None, None, "mnist_np")
        return found


def store_schemas() -> None:
    """Tell Hydra all types: ``config_schema`` for the whole, and ``<group>/base_<name>`` for each option of each group.

    In the whole, each group starts empty: else an option's values would be merged into those of the default's class.
    A plugin's option (`user_plugins.py`) has no YAML file, so its class with its defaults is the option.
    """
    store = ConfigStore.instance()
    default = RunConfig()
    root = OmegaConf.structured(default)
    for f in dataclasses.fields(RunConfig):
        if isinstance(getattr(default, f.name), Component):
            root[f.name] = "???"
    store.store(name="config_schema", node=root)
    for group, options in REGISTRY.items():
        own = [name for name in options if not (conf_folder() / group / f"{name}.yaml").exists()]
        store.repo[group] = Schemas({f"base_{name}.yaml": kind for name, kind in options.items()})
        store.repo[group].update({f"{name}.yaml": options[name] for name in own})
    for group, kind in SINGLE.items():
        store.repo[group] = Schemas({f"base_{group}.yaml": kind})
