"""The experiment that a command line describes, for commands that look at one config and run nothing."""

from __future__ import annotations

from pathlib import Path

from mnist_np.cli.arguments import parse, plugins_of
from mnist_np.cli.compose import compose, to_run_config, without_hydra
from mnist_np.cli.messages import UsageError, reading
from mnist_np.cli.schemas import store_schemas
from mnist_np.experiment import Experiment
from mnist_np.plugins import load_plugins


def experiment_of(words: list[str], what: str) -> tuple[Experiment, Path]:
    """The experiment, and the folder of all results. ``what`` begins the message about flags that ask for more than one config.

    Raises UsageError, ConfigError, and Hydra's and OmegaConf's exceptions.
    """
    args = parse(words)
    if args.multirun or args.cfg or args.info or args.hydra_help or args.shell_completion:
        raise UsageError(f"{what}: it takes keys with one value each, --config-dir and what --help lists")
    load_plugins(plugins_of(args.overrides))
    store_schemas()
    with reading(args.overrides):
        config = to_run_config(without_hydra(compose(args)))
    return config.experiment, Path(config.outputs)
