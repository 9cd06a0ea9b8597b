"""``sweep.exclude``: which combinations of a sweep are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from mnist_np.component import ConfigError, did_you_mean
from mnist_np.experiment import Experiment
from mnist_np.serialize import flatten, to_dict
from mnist_np.sweep.conditions import Condition, as_written


class Described(Protocol):
    """A config of more than the experiment."""

    @property
    def experiment(self) -> Experiment: ...


Config = TypeVar("Config", bound=Described)


class Exclusion:
    """Decides by the overrides of a combination where these suffice, so that it need not be possible, else by its config."""

    def __init__(self, conditions: Sequence[str]) -> None:
        self.conditions = [Condition.parse(text) for text in conditions]
        self.keys: set[str] = set()

    def unless_left_out(self, overrides: Sequence[str], compose: Callable[[], Config]) -> Config | None:
        """The config that ``compose`` makes of the overrides; None where it is left out."""
        if self.leaves_out_early(overrides):
            return None
        config = compose()
        return None if self.leaves_out(overrides, config.experiment) else config

    def leaves_out_early(self, overrides: Sequence[str]) -> bool:
        """Whether a condition holds whatever the keys have for values that the overrides do not name."""
        return bool(self.conditions) and self._decide(named(overrides), False)

    def leaves_out(self, overrides: Sequence[str], experiment: Experiment) -> bool:
        """Whether a condition holds for the config that the overrides compose to."""
        if not self.conditions:
            return False
        composed = {key: as_written(value) for key, value in flatten(to_dict(experiment)).items()}
        return self._decide(composed | named(overrides), True)

    def _decide(self, values: dict[str, str], whole: bool) -> bool:
        self.keys |= set(values)
        return any(condition.holds(values, whole) for condition in self.conditions)

    def check(self, nothing_left: bool) -> None:
        """Raise ConfigError for a key that no combination has, and where everything was left out."""
        for condition in self.conditions:
            for key in condition.keys:
                if key not in self.keys:
                    hint = did_you_mean(key, sorted(self.keys))
                    raise ConfigError("sweep.exclude", condition.text, f"no run has the key {key}; {hint}".rstrip("; "))
        if nothing_left:
            raise ConfigError("sweep.exclude", [condition.text for condition in self.conditions], "leaves out every combination")


def named(overrides: Sequence[str]) -> dict[str, str]:
    """The keys of overrides with their values, without ``+`` and ``@package``."""
    pairs = (text.partition("=")[::2] for text in overrides)
    return {key.lstrip("+").partition("@")[0]: value for key, value in pairs}
