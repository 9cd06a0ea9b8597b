"""The words of the command line: flags and overrides, read and checked before anything is composed.

The flags are Hydra's own. They are declared here anew because Hydra's parser is not part of its public interface.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from mnist_np import __version__
from mnist_np.cli.logspace import expand
from mnist_np.cli.messages import UsageError, check_overrides

COMMANDS = ("run", "multirun", "cfg", "info", "hydra_help", "shell_completion")
"""Flags that say what to do, of which there can be one."""

NOT_VARIED = ("name", "tracking", "sweep", "outputs", "plugins", "observers")
"""Keys that leave a run's result as it is: a sweep over one of them would train the same run again and again."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


def parser() -> Parser:
    """Every flag of ``train``."""
    parser = Parser(prog="mnist-np train", add_help=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true", help="run a sweep")
    parser.add_argument("-r", "--run", action="store_true", help="run one job, which is the default")
    parser.add_argument("-c", "--cfg", choices=["job", "hydra", "all"], help="show the config instead of running it")
    parser.add_argument("-p", "--package", help="the part of the config that --cfg shows, such as optimizer")
    parser.add_argument("--resolve", action="store_true", help="with --cfg: show values for ${...}")
    parser.add_argument("-cp", "--config-path", help="a folder to use in place of conf/")
    parser.add_argument("-cn", "--config-name", help="a file to use in place of config.yaml")
    parser.add_argument("-cd", "--config-dir", help="a folder of your own options")
    parser.add_argument("-i", "--info", nargs="?", const="all", choices=INFO, help="where the config comes from")
    parser.add_argument("--hydra-help", action="store_true", help="Hydra's own help")
    parser.add_argument("-sc", "--shell-completion", action="store_true", help="install=bash, zsh or fish")
    parser.add_argument("--experimental-rerun")
    parser.add_argument("--version", action="version", version=f"mnist-np {__version__}")
    return parser


def flags() -> list[str]:
    """All flags, as they are typed."""
    return list(parser()._option_string_actions)  # argparse has no public list of them


INFO = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]


def parse(argv: list[str]) -> argparse.Namespace:
    """The arguments, flags anywhere among the overrides. Raises UsageError, OverrideParseException."""
    args = parser().parse_intermixed_args(argv)
    if args.experimental_rerun:
        raise UsageError("--experimental-rerun reads pickles, which can hold any code: use `mnist-np rerun`")
    given = [f"--{name.replace('_', '-')}" for name in COMMANDS if getattr(args, name)]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)}: only one of them can be done at a time")
    for name in ("resolve", "package"):
        if getattr(args, name) and not args.cfg:
            raise UsageError(f"--{name}: belongs to --cfg, which shows the config: --cfg job")
    if not args.shell_completion:
        args.overrides = [expand(override) for override in args.overrides]
        check_overrides(args.overrides)
        parsed = OverridesParser.create().parse_overrides(args.overrides)
        refuse_sweeps_without_effect(parsed)
        refuse_lost_values(parsed)
        refuse_lost_grids(parsed)
    return args


def refuse_sweeps_without_effect(overrides: Iterable[Override]) -> None:
    """Refuse several values for a key that a run's result does not depend on. Raises UsageError."""
    for override in overrides:
        key = override.get_key_element().lstrip("+~")
        if override.is_sweep_override() and key == "plugins":
            both = "name all files in one list, and vary the options that they register: 'plugins=[a.py,b.py]' activation=a,b"
            raise UsageError(f"{override.input_line}: takes one value: {both}")
        if override.is_sweep_override() and (key.partition(".")[0] in NOT_VARIED or override.is_hydra_override()):
            raise UsageError(f"{override.input_line}: takes one value: runs that differ by it alone have the same result")


def refuse_lost_values(overrides: Iterable[Override]) -> None:
    """Refuse a key that is given again after several values for it, of which nothing would be left. Raises UsageError."""
    given: dict[str, Override] = {}
    for override in overrides:
        key = override.get_key_element().lstrip("+")
        if key in given and given[key].is_sweep_override():
            before = given[key].input_line
            raise UsageError(
                f"{override.input_line}: comes after {before}, which would not count: give all values of a key at once"
            )
        given[key] = override


def refuse_lost_grids(overrides: Sequence[Override]) -> None:
    """Refuse a key beside ``sweep.grids`` of the same line whose grids have values for it: they would not count."""
    given = {override.get_key_element().lstrip("+"): override for override in overrides}
    grids = given["sweep.grids"].value() if "sweep.grids" in given else None
    for key in [str(key) for grid in grids for key in grid if isinstance(grid, dict)] if isinstance(grids, list) else []:
        if key in given and key.partition(".")[0] not in NOT_VARIED:
            raise UsageError(
                f"{given[key].input_line}: the values that sweep.grids has for {key} would not count: give it in one place"
            )


def plugins_of(overrides: list[str]) -> list[str]:
    """The files that ``'plugins=[FILE]'`` names: they are run before the config is composed, since it may name what they add."""
    named = [override for override in overrides if override.lstrip("+").startswith("plugins=")]
    values = [override.value() for override in OverridesParser.create().parse_overrides(named)]
    return [str(path) for value in values if isinstance(value, list) for path in value]
