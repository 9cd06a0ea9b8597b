"""The experiment that a command line describes, for commands that look at one config and run nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.invocation import command

if TYPE_CHECKING:
    from mnist_np.experiment import Experiment


def parser(name: str, doc: str | None, usage: str) -> argparse.ArgumentParser:
    """The arguments of the command ``name`` beside keys; ``doc`` is its module's docstring, in which {command} stands for it."""
    text = (doc or "").format(command=command(name))
    return argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter, usage=f"%(prog)s {usage}"
    )


def experiment_of(words: list[str], what: str) -> tuple[Experiment, Path]:
    """The experiment, and the folder of all results. ``what`` begins the message about flags that ask for more than one config.

    Raises UsageError, ConfigError, and Hydra's and OmegaConf's exceptions.
    """
    from mnist_np.cli.arguments import parse, plugins_of  # here, so that --help needs no Hydra
    from mnist_np.cli.compose import compose, to_run_config, without_hydra
    from mnist_np.cli.messages import UsageError, reading
    from mnist_np.cli.schemas import store_schemas
    from mnist_np.plugins import load_plugins

    args = parse(words)
    if args.multirun or args.cfg or args.info or args.hydra_help or args.shell_completion:
        raise UsageError(f"{what}: it takes keys with one value each, --config-dir and what --help lists")
    load_plugins(plugins_of(args.overrides))
    store_schemas()
    with reading(args.overrides):
        config = to_run_config(without_hydra(compose(args)))
    return config.experiment, Path(config.outputs)
