"""The space of a search: the values that each key may take, as Optuna's distributions, and its points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mnist_np.component import ConfigError
from mnist_np.extras import install_command

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

    Distribution: TypeAlias = CategoricalDistribution | FloatDistribution | IntDistribution

DIGITS = 3
"""Significant digits of a proposed number, so that tables and names of folders can be read."""

ENUMERABLE = 10_000
"""Points of a space up to which those that are left are counted out; in a larger one they are drawn until one is new."""

DRAWS = 1000
"""Draws that may fail before a large space counts as known."""

Value: TypeAlias = bool | int | float | str | None
Point = Mapping[str, Value]
"""A value for each key: a number, or one of the texts that a key has the choice of."""


def import_optuna() -> ModuleType:
    """Optuna, quiet. Raises ConfigError naming the extra to install where it is missing."""
    try:
        import optuna
    except ImportError:
        raise ConfigError("hydra/sweeper", "search", f"needs Optuna: {install_command('search')}") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass(frozen=True)
class Space:
    """A distribution for each key that a search varies."""

    distributions: Mapping[str, Distribution]

    @cached_property
    def values(self) -> dict[str, Sequence[Value] | None]:
        """All values of each key; None for an interval of real numbers."""
        return {key: values_of(distribution) for key, distribution in self.distributions.items()}

    @property
    def size(self) -> float:
        """The number of points; infinite where a key has an interval of real numbers."""
        return math.prod(math.inf if values is None else len(values) for values in self.values.values())

    def points(self) -> Iterator[Point]:
        """All points, where they are finitely many."""
        lists = [values or [] for values in self.values.values()]
        return (dict(zip(self.values, point, strict=True)) for point in product(*lists))

    def corners(self) -> Iterator[tuple[str, Point]]:
        """For each key each of its choices, or its two ends, beside the first value of every other key."""
        from optuna.distributions import CategoricalDistribution

        ends = {
            key: d.choices if isinstance(d, CategoricalDistribution) else (d.low, d.high) for key, d in self.distributions.items()
        }
        first = {key: values[0] for key, values in ends.items()}
        for key, values in ends.items():
            for value in values:
                yield key, first | {key: value}

    def parse(self, texts: Mapping[str, str]) -> Point | None:
        """The point whose values are written so; None where a key or a value is not of this space."""
        if set(texts) != set(self.distributions):
            return None
        point: dict[str, Value] = {}
        for key, distribution in self.distributions.items():
            point[key] = parse_value(texts[key], distribution)
            if point[key] is None:
                return None
        return point

    def new_point(self, known: Set[tuple[str, ...]], rng: np.random.Generator) -> Point | None:
        """A random point that is not among the ``known`` ones (see `key_of`); None if there is none."""
        if self.size <= ENUMERABLE:
            left = [point for point in self.points() if self.key_of(point) not in known]
            return left[rng.integers(len(left))] if left else None
        for _ in range(DRAWS):
            point = self.random_point(rng)
            if self.key_of(point) not in known:
                return point
        return None

    def random_point(self, rng: np.random.Generator) -> Point:
        """A point whose values are drawn independently."""
        return {key: draw(distribution, rng) for key, distribution in self.distributions.items()}

    def key_of(self, point: Point) -> tuple[str, ...]:
        """The values of a point as text, in the order of the keys."""
        return tuple(str(point[key]) for key in self.distributions)

    def describe(self) -> list[str]:
        """The keys with their values, in an order that does not depend on how they were given."""
        return sorted(f"{key}: {describe(distribution)}" for key, distribution in self.distributions.items())


def values_of(distribution: Distribution) -> Sequence[Value] | None:
    """All values of a distribution; None for an interval of real numbers."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return tuple(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    return [distribution.low] if distribution.low == distribution.high else None


def parse_value(text: str, distribution: Distribution) -> Value:
    """The value of a distribution that is written so; None if it is none of its values."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return text if text in distribution.choices else None
    try:
        number = int(text) if isinstance(distribution, IntDistribution) else float(text)
    except ValueError:
        return None
    # Limits and steps, those of real numbers to rounding; no public function tells.
    return number if distribution._contains(number) else None


def draw(distribution: Distribution, rng: np.random.Generator) -> Value:
    """A random value of a distribution, uniform on its scale."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution) or (isinstance(distribution, IntDistribution) and not distribution.log):
        values = values_of(distribution) or ()
        return values[int(rng.integers(len(values)))]
    low, high = distribution.low, distribution.high
    number = math.exp(rng.uniform(math.log(low), math.log(high))) if distribution.log else rng.uniform(low, high)
    return readable(number, distribution)


def readable(value: Value, distribution: BaseDistribution) -> Value:
    """A proposed value with few digits: three significant ones, or as many as tell a hundredth of its interval."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if not isinstance(value, float) or not isinstance(distribution, FloatDistribution | IntDistribution):
        return value
    low, high = distribution.low, distribution.high
    if isinstance(low, int):
        return min(max(round(value), low), high)
    digits = [DIGITS - 1 - magnitude(value), -magnitude((high - low) / 100)]
    return min(max(round(value, max(digits)), low), high)


def magnitude(number: float) -> int:
    """The exponent of the power of ten: 2 for 250.0, -2 for 0.05."""
    return math.floor(math.log10(abs(number))) if number else 0


def describe(distribution: Distribution) -> str:
    """A distribution as a text that does not change with Optuna's version."""
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return " ".join(map(str, distribution.choices))
    log = " log" if distribution.log else ""
    return f"{distribution.low} to {distribution.high} by {distribution.step}{log}"
