"""From Hydra's composed config to the objects that train, checked."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from mnist_np.cli.schemas import RunConfig


def to_run_config(config: DictConfig) -> RunConfig:
    """The real components of a composed config. Raises ConfigError."""
    made = OmegaConf.to_object(config)
    assert isinstance(made, RunConfig)
    return made
