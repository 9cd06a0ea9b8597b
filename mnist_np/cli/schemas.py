"""The types behind ``conf/``: every component is its own schema, and `RunConfig` is the type of the whole."""

from __future__ import annotations

import dataclasses

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from mnist_np.cli.config import RunConfig
from mnist_np.cli.folders import conf_folder
from mnist_np.component import Component
from mnist_np.registry import REGISTRY
from mnist_np.sweep.settings import Sweep
from mnist_np.tracking.settings import Tracking
from mnist_np.training.settings import Training

SINGLE: dict[str, type[Component]] = {"training": Training, "tracking": Tracking, "sweep": Sweep}
"""Groups whose options are all of one class: presets of values."""


def store_schemas() -> None:
    """Tell Hydra all types: ``config_schema`` for the whole, and ``<group>/base_<name>`` for each option of each group.

    In the whole, each group starts empty: else an option's values would be merged into those of the default's class.
    A plugin's option (`plugins.py`) has no YAML file, so its class with its defaults is the option.
    """
    store = ConfigStore.instance()
    root = OmegaConf.structured(RunConfig)
    for f in dataclasses.fields(RunConfig):
        if isinstance(getattr(RunConfig(), f.name), Component):
            root[f.name] = "???"
    store.store(name="config_schema", node=root)
    for group, options in REGISTRY.items():
        for name, kind in options.items():
            store.store(group=group, name=f"base_{name}", node=kind)
            if not (conf_folder() / group / f"{name}.yaml").exists():
                store.store(group=group, name=name, node=kind)
    for group, kind in SINGLE.items():
        store.store(group=group, name=f"base_{group}", node=kind)
