"""The types behind ``conf/``: every component is its own schema, and `RunConfig` is the type of the whole."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from mnist_np.component import Component
from mnist_np.experiment import Experiment
from mnist_np.registry import REGISTRY
from mnist_np.tracking.settings import Tracking
from mnist_np.training.settings import Training

SINGLE = {"training": Training, "tracking": Tracking}
"""Groups whose options are all of one class: presets of values."""


@dataclass
class RunConfig(Experiment):
    """An experiment and what surrounds it without changing its result: its name, where it is written and tracked."""

    name: str | None = None
    tracking: Tracking = field(default_factory=Tracking)
    outputs: str = "outputs"
    plugins: list[str] = field(default_factory=list)

    @property
    def experiment(self) -> Experiment:
        """The experiment alone: what determines the result, and so the fingerprint."""
        return Experiment(**{f.name: getattr(self, f.name) for f in dataclasses.fields(Experiment)})


def store_schemas() -> None:
    """Tell Hydra all types: ``config_schema`` for the whole, and ``<group>/base_<name>`` for each option of each group.

    In the whole, each group starts empty: else an option's values would be merged into those of the default's class.
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
    for group, kind in SINGLE.items():
        store.store(group=group, name=f"base_{group}", node=kind)
