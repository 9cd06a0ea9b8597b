"""Hydra's own application, for sweeps and for Hydra's flags that show configs instead of running them."""

from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mnist_np.cli.compose import to_run_config
from mnist_np.cli.folders import conf_folder
from mnist_np.plugins import load_plugins
from mnist_np.sweep.job import run_child
from mnist_np.sweep.single import execute, prepare


@hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")
def app(config: DictConfig) -> None:
    """Train as the composed config says: a run of its own, or one of a sweep."""
    load_plugins(config.plugins)
    made, folder = to_run_config(config), Path(HydraConfig.get().runtime.output_dir)
    if made.sweep.id:
        run_child(made, folder)
    else:
        execute(prepare(made, folder))
