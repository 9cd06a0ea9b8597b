"""The configs of a sweep's jobs, most of which differ by a few values only."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from mnist_np.cli.compose import to_run_config, without_hydra
from mnist_np.cli.messages import reading
from mnist_np.sweep.run_config import RunConfig


class Composer:
    """Composes jobs as Hydra does, but each choice of options once, which takes 0.2 s. Values are set in a copy: 7 ms."""

    def __init__(self, context: HydraContext, base: DictConfig) -> None:
        self.context, self.base = context, base
        self.composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: Sequence[str]) -> RunConfig:
        """The checked config of a job. Raises what a single run would raise."""
        with reading(overrides):
            config = self.composed_with(overrides)
        return to_run_config(config)

    def composed_with(self, overrides: Sequence[str]) -> DictConfig:
        """The composed config of a job, without Hydra's own node."""
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        values = [override for override in parsed if self.is_value(override)]
        options = tuple(str(override.input_line) for override in parsed if override not in values)
        if options not in self.composed:
            whole = self.context.config_loader.load_sweep_config(self.base, list(options))
            self.composed[options] = without_hydra(whole)
        config = deepcopy(self.composed[options])
        for override in values:
            OmegaConf.update(config, override.key_or_group, override.value())
        return config

    def is_value(self, override: Override) -> bool:
        """Whether an override sets a value and no more: it chooses no option, adds and removes nothing, is not Hydra's own."""
        key = override.key_or_group
        if override.type is not OverrideType.CHANGE or override.package or "/" in key or key.split(".")[0] == "hydra":
            return False
        return "." in key or (key in self.base and not is_mapping(self.base, key))


def is_mapping(config: DictConfig, key: str) -> bool:
    """Whether the config's ``key`` is a mapping of further keys."""
    return not OmegaConf.is_missing(config, key) and isinstance(config[key], DictConfig)
