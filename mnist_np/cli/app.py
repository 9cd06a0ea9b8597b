"""Hydra's own application: sweeps, and Hydra's flags that show configs instead of running them."""

from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mnist_np.cli.compose import to_run_config
from mnist_np.cli.folders import conf_folder
from mnist_np.cli.plugins import load_plugins
from mnist_np.cli.run import execute


@hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")
def app(config: DictConfig) -> float:
    """Train as the composed config says. Gives what a search minimises or maximises: the best validation accuracy."""
    load_plugins(config.plugins)
    result = execute(to_run_config(config), Path(HydraConfig.get().runtime.output_dir))
    return result.best.get("val/accuracy", result.test.accuracy)
