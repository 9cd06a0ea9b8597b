"""``train --cfg``: the composed config instead of a run."""

from __future__ import annotations

import argparse
import re
from copy import deepcopy

from hydra.core.hydra_config import HydraConfig
from omegaconf import Container, DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from mnist_np.cli.messages import UsageError


def config_text(composed: DictConfig, args: argparse.Namespace) -> str:
    """The part of the config that the arguments ask for, as YAML, with each group's chosen option beside it.

    Raises UsageError where there is no such part.
    """
    HydraConfig.instance().set_config(composed)
    choices = dict(composed.hydra.runtime.choices)
    config = deepcopy(composed)
    OmegaConf.set_readonly(config.hydra, None)
    if args.resolve:
        OmegaConf.resolve(config)
    with flag_override(config, "struct", False), flag_override(config.hydra, "struct", False):
        for key in ("help", "hydra_help"):  # pages of text
            del config.hydra[key]
        for key in list(config):
            if (args.cfg == "job" and key == "hydra") or (args.cfg == "hydra" and key != "hydra"):
                del config[key]
    package = args.package if args.package != "_global_" else None
    try:
        part = OmegaConf.select(config, package) if package else config
    except (OmegaConfBaseException, LookupError, ValueError):
        part = None
    if part is None:
        raise UsageError(f"--package {package}: there is no such part of the config")
    if not isinstance(part, Container):
        return str(part)
    text = OmegaConf.to_yaml(part).rstrip()
    if package:
        return f"# @package {package}\n{comment(package, choices)}{text}"
    overlays = [comment(group, choices) for group in choices if group not in composed and "/" not in group]
    named = re.sub(r"^(\w+):( \{\})?$", lambda line: f"{line[0]} {comment(line[1], choices)}".rstrip(), text, flags=re.MULTILINE)
    return "".join(overlays) + named


def comment(group: str, choices: dict[str, str | None]) -> str:
    """The option chosen for a group, as a line of comment."""
    option = choices.get(group)
    return f"# {group}={option}\n" if option else ""
