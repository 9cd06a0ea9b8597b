"""The Hydra application, and the function that launchers call for each job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mnist_np.cli.compose import to_run_config, without_hydra
from mnist_np.cli.folders import conf_folder
from mnist_np.plugins import load_plugins
from mnist_np.sweep.job import run_child


def task(config: DictConfig) -> None:
    """Run what the composed config says: a job of a sweep, in whatever process the launcher chose."""
    load_plugins(config.plugins)
    made, folder = to_run_config(without_hydra(config)), Path(HydraConfig.get().runtime.output_dir)
    run_child(made, folder)


def show_info(argv: list[str]) -> int:
    """Hydra's own pages (``--info``, ``--hydra-help``), by its own application, which reads the command line again.

    Gives the exit code.
    """
    before = sys.argv
    sys.argv = [before[0], *argv]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # it raises what goes wrong, rather than print it
    GlobalHydra.instance().clear()
    try:
        hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(task)()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = before
    return 0
