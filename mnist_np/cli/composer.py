"""The configs of a sweep's jobs, most of which differ by a few values only."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from mnist_np.cli.compose import check_all_keys, without_hydra
from mnist_np.cli.messages import reading, typed_value
from mnist_np.component import ConfigError, did_you_mean
from mnist_np.sweep.run_config import RunConfig


@dataclass(frozen=True)
class Composed:
    """A choice of options: the config without Hydra's own node, and which of its parts refer to others."""

    config: DictConfig
    referring: frozenset[str]


class Composer:
    """Composes jobs as Hydra does, but each choice of options once (0.2 s), and of it each part of a job's config once.

    A part is what stands below a key of the whole, such as ``optimizer``. Jobs share those that are equal, as they must in a
    sweep of many thousand jobs; only ``sweep`` is each job's own, since a job's name and folder are written into it. A part that
    refers to others (``${seed}``) is made from the whole.
    """

    def __init__(self, context: HydraContext, base: DictConfig) -> None:
        self.context, self.base = context, base
        self.parsed: dict[str, Override] = {}
        self.composed: dict[tuple[str, ...], Composed] = {}
        self.parts: dict[tuple[tuple[str, ...], str, tuple[str, ...]], Any] = {}

    def __call__(self, overrides: Sequence[str]) -> RunConfig:
        """The checked config of a job. Raises what a single run would raise."""
        with reading(overrides):
            self.parse(overrides)
            values = [text for text in overrides if self.is_value(self.parsed[text])]
            options = tuple(text for text in overrides if text not in values)
            composed = self.compose(options)
        by_part: dict[str, list[str]] = {str(key): [] for key in composed.config}
        for text in values:
            key = self.parsed[text].key_or_group
            part = key.split(".")[0]
            if part not in by_part:
                reason = f"no such key; {did_you_mean(part, list(by_part))}keys: {', '.join(by_part)}"
                raise ConfigError(key, typed_value(self.parsed[text]), reason)
            by_part[part].append(text)
        refers = any("${" in text for text in values)
        parts = {
            key: self.part(options, key, values if refers or key in composed.referring else mine, overrides)
            for key, mine in by_part.items()
        }
        return RunConfig(**parts | {"sweep": copy(parts["sweep"])})

    def parse(self, overrides: Sequence[str]) -> None:
        """Have all of them in `parsed`: to parse one takes half a millisecond."""
        if new := [text for text in overrides if text not in self.parsed]:
            self.parsed |= zip(new, OverridesParser.create().parse_overrides(new), strict=True)

    def compose(self, options: tuple[str, ...]) -> Composed:
        """The config with these options."""
        if options not in self.composed:
            config = without_hydra(self.context.config_loader.load_sweep_config(self.base, list(options)))
            check_all_keys(config)
            content = OmegaConf.to_container(config, resolve=False)
            assert isinstance(content, dict)
            texts = {str(key): str(value).replace("${oc.env:", "") for key, value in content.items()}
            self.composed[options] = Composed(config, frozenset(key for key, text in texts.items() if "${" in text))
        return self.composed[options]

    def part(self, options: tuple[str, ...], key: str, values: Sequence[str], overrides: Sequence[str]) -> Any:
        """What stands below ``key`` where the values are set, as the real component or the plain value."""
        known = (options, key, tuple(values))
        if known not in self.parts:
            with reading(overrides):
                composed = self.composed[options]
                alone = key not in composed.referring and "${" not in str(values)
                config = OmegaConf.masked_copy(composed.config, key) if alone else deepcopy(composed.config)
                OmegaConf.set_struct(config, True)
                for text in values:
                    OmegaConf.update(config, self.parsed[text].key_or_group, self.parsed[text].value())
                node = config[key]
            self.parts[known] = OmegaConf.to_object(node) if OmegaConf.is_config(node) else node
        return self.parts[known]

    def is_value(self, override: Override) -> bool:
        """Whether an override sets a value and no more: it chooses no option, adds and removes nothing, is not Hydra's own."""
        key = override.key_or_group
        if override.type is not OverrideType.CHANGE or override.package or "/" in key or key.split(".")[0] == "hydra":
            return False
        return "." in key or (
            key in self.base and (OmegaConf.is_missing(self.base, key) or not OmegaConf.is_dict(self.base[key]))
        )
