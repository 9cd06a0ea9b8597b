"""The values that a sweep's overrides name, in Hydra's grammar: all of a grid's, and the distributions of a search."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep

from mnist_np.cli.messages import typed_value
from mnist_np.cli.sweep_size import n_values
from mnist_np.component import Component, ConfigError, without_null
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.space import Space
from mnist_np.sweep.values import order

if TYPE_CHECKING:
    from mnist_np.sweep.space import Distribution


def values(override: Override, loader: ConfigLoader) -> list[str]:
    """The values of a discrete sweep, each once, as overrides write them. Raises ConfigError."""
    return list(dict.fromkeys(all_values(override, loader)))


def all_values(override: Override, loader: ConfigLoader) -> list[str]:
    """The values of a discrete sweep, as often as they are named. Raises ConfigError."""
    key, value = override.get_key_element(), override.value()
    found: list[str]
    if isinstance(value, Glob):
        found = matches(override, loader)
    elif not override.is_discrete_sweep():
        raise ConfigError(
            key, typed_value(override), "interval(...) has no end of values: use hydra/sweeper=search, or range(...)"
        )
    else:
        n_values(override)
        found = list(override.sweep_string_iterator())
    if isinstance(value, RangeSweep) and not has_integers(value):
        found = [repr(float(f"{float(text):.12g}")) for text in found]  # 0.3, not 0.30000000000000004
    return found


def has_integers(value: RangeSweep) -> bool:
    """Whether a range is one of integers."""
    return all(isinstance(number, int) for number in (value.start, value.stop, value.step))


def matches(override: Override, loader: ConfigLoader) -> list[str]:
    """The options of a group whose names match a ``glob(...)``. Raises ConfigError where there is none."""
    key, glob = override.get_key_element(), override.value()
    assert isinstance(glob, Glob)
    names = [name for name in loader.get_group_options(override.key_or_group, ObjectType.CONFIG) if not name.startswith("base_")]
    if not names:
        raise ConfigError(key, typed_value(override), "glob(...) chooses among the options of a group, such as optimizer")
    found = [str(name) for name in glob.filter(names)]
    if not found:
        raise ConfigError(key, typed_value(override), f"matches no option; there are {', '.join(names)}")
    return found


def space_of(overrides: Mapping[str, Override], config: RunConfig, loader: ConfigLoader) -> Space:
    """The space that the overrides of a search describe. Raises ConfigError."""
    return Space({key: distribution(override, type_of(key, config), loader) for key, override in overrides.items()})


def distribution(override: Override, kind: str, loader: ConfigLoader) -> Distribution:
    """Optuna's distribution for a value of Hydra's grammar; ``tag(log, interval(a,b))`` is logarithmic.

    Args:
        override: what was typed.
        kind: the type of the key, ``"int"`` and ``"float"`` being known: numbers of an interval are of this type.
        loader: who knows the options of groups.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    key, value = override.get_key_element(), override.value()
    if key.lstrip("+") == "seed":
        reason = "a search that chooses the seed finds the luckiest run; sweep.search.seeds=3 makes each trial a mean over seeds"
        raise ConfigError(key, typed_value(override), reason)
    log = is_logarithmic(override)
    if isinstance(value, IntervalSweep):
        low, high = ends(override, value, log)
        if kind != "int" and (kind == "float" or not (isinstance(low, int) and isinstance(high, int))):
            return FloatDistribution(float(low), float(high), log=log)
        low, high = math.ceil(low), math.floor(high)
        if low > high:
            raise ConfigError(key, typed_value(override), "holds no whole number")
        return IntDistribution(low, high, log=log)
    if isinstance(value, RangeSweep) and has_integers(value):
        numbers = integers(override, value)
        if log and (numbers[0] < 1 or numbers.step > 1):
            raise ConfigError(key, typed_value(override), "a logarithmic range must begin above 0 and have no step")
        return IntDistribution(numbers[0], numbers[-1], log=log, step=numbers.step)
    texts = values(override, loader)
    if log:
        raise ConfigError(key, typed_value(override), "tag(log, ...) needs an interval(a,b) or a range(a,b) of whole numbers")
    choices = sorted(texts, key=order)
    return CategoricalDistribution(choices)


def integers(override: Override, value: RangeSweep) -> range:
    """The numbers of a range, ascending. Raises ConfigError where there are none."""
    n_values(override)
    assert value.start is not None
    assert value.stop is not None
    numbers = range(int(value.start), int(value.stop), int(value.step))
    return numbers if numbers.step > 0 else numbers[::-1]


def is_logarithmic(override: Override) -> bool:
    """Whether the values are tagged ``log``. Raises ConfigError for another tag."""
    tags = getattr(override.value(), "tags", None) or set()
    if others := sorted(tags - {"log"}):
        raise ConfigError(override.get_key_element(), typed_value(override), f"no such tag '{others[0]}'; the only one is log")
    return bool(tags)


def ends(override: Override, interval: IntervalSweep, log: bool) -> tuple[int | float, int | float]:
    """Both ends of an interval. Raises ConfigError where they are none."""
    key, text, low, high = override.get_key_element(), typed_value(override), interval.start, interval.end
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise ConfigError(key, text, "an interval must have finite ends")
    if low > high:
        raise ConfigError(key, text, f"an interval must begin with its lower end: interval({high:g},{low:g})")
    if log and low <= 0:
        raise ConfigError(key, text, "a logarithmic interval must begin above 0")
    return low, high


def type_of(key: str, config: RunConfig) -> str:
    """The type that the key's field is annotated with, without null; empty where it is not known."""
    *parents, last = key.lstrip("+").split(".")
    node: object = config
    for parent in parents:
        node = getattr(node, parent, None)
    fields = {f.name: str(f.type) for f in dataclasses.fields(node)} if isinstance(node, Component) else {}
    return without_null(fields.get(last, ""))[0]
