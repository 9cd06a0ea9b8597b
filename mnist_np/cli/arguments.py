"""The command line's words: Hydra's flags and overrides, read before Hydra itself is started."""

from __future__ import annotations

import argparse
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from mnist_np.cli.messages import UsageError, check_overrides


def parse(argv: list[str]) -> argparse.Namespace:
    """Hydra's arguments, its flags anywhere among the overrides. Raises UsageError, OverrideParseException.

    ``shows`` says that they ask to show something rather than to run it; ``argv`` is what Hydra itself understands.
    """
    parser = get_args_parser()
    parser.error = complain  # type: ignore[method-assign]
    args = parser.parse_intermixed_args(argv)
    if args.experimental_rerun:
        raise UsageError("--experimental-rerun reads pickles, which can hold any code: use `mnist-np rerun`")
    args.shows = bool(args.cfg or args.info or args.hydra_help or args.shell_completion)
    args.argv = [word for word in argv if word not in args.overrides] + args.overrides
    if not args.shell_completion:
        check_overrides(args.overrides)
    return args


def complain(message: str) -> NoReturn:
    raise UsageError(f"{message} (see --help)")


def plugins_of(overrides: list[str]) -> list[str]:
    """The files that ``plugins=[...]`` names: they are run before the config is composed, since it may name what they add."""
    named = [override for override in overrides if override.lstrip("+").startswith("plugins=")]
    values = [override.value() for override in OverridesParser.create().parse_overrides(named)]
    return [str(path) for value in values if isinstance(value, list) for path in value]
