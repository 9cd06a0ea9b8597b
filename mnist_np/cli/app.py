"""Hydra's own application, for sweeps and for Hydra's flags that show configs instead of running them."""

from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mnist_np.cli.child import run_child
from mnist_np.cli.compose import to_run_config
from mnist_np.cli.folders import conf_folder
from mnist_np.cli.run import execute
from mnist_np.cli.user_plugins import load_plugins


@hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")
def app(config: DictConfig) -> None:
    """Train as the composed config says: a run of its own, or one of a sweep."""
    load_plugins(config.plugins)
    made, folder = to_run_config(config), Path(HydraConfig.get().runtime.output_dir)
    if made.sweep.id:
        run_child(made, folder)
    else:
        execute(made, folder)
