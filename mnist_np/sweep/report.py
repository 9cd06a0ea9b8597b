"""The report of a sweep: its children counted by status, and its configurations ranked over their seeds.

Ranking looks at validation only. The test accuracy is shown beside it and does not change the order: choosing by
it would make it a second validation set. Only finished runs count towards a mean; what failed or diverged is shown.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mnist_np.storage.run_index import FINAL
from mnist_np.sweep.children import Child
from mnist_np.sweep.pareto import on_front
from mnist_np.sweep.significance import interval
from mnist_np.sweep.values import ABSENT, Param, readable, varying
from mnist_np.sweep.verdict import Verdict
from mnist_np.terminal import counted

STATUSES = ("finished", "running", "queued", "failed", "diverged", "pruned", "killed")
TEST = "test/accuracy"


@dataclass(frozen=True)
class Spread:
    """``n`` values of a metric in short: mean, sample standard deviation (None for one value), least and greatest."""

    n: int
    mean: float
    sd: float | None
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> Spread | None:
        """None where there is no finite value."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return None
        sd = statistics.stdev(finite) if len(finite) > 1 else None
        return Spread(len(finite), statistics.fmean(finite), sd, min(finite), max(finite))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean; None for one value."""
        return interval(self.mean, self.sd, self.n)


@dataclass(frozen=True)
class Configuration:
    """The runs that differ by seed alone, with the spread of the metrics and of the test accuracy over the finished ones.

    ``n`` is the number of finished runs, whatever metrics they have.
    """

    values: dict[str, str]
    children: list[Child]
    metric: Spread | None
    test: Spread | None
    further: dict[str, Spread | None] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """What its runs share: the fingerprint without the seed."""
        return self.children[0].group

    @property
    def counts(self) -> Counter[str]:
        """How many of its runs have which status."""
        return Counter(child.status for child in self.children)

    @property
    def n(self) -> int:
        """How many of its runs are finished."""
        return self.counts["finished"]

    @property
    def valued(self) -> int:
        """How many of them have the metric: so many its mean is of."""
        return self.metric.n if self.metric else 0

    @property
    def linked(self) -> int:
        """How many of its runs were taken from elsewhere."""
        return sum(child.linked for child in self.children)

    @property
    def label(self) -> str:
        """``adam, he_normal``: the values of what varies."""
        return ", ".join(map(readable, self.values.values())) or "the only configuration"


@dataclass
class SweepReport:
    """A sweep's children, seen as one experiment.

    ``metric`` is what ranks (more is better where ``maximize``). ``further`` are other objectives, each with whether more of it
    is better: they are shown beside the metric, and make a Pareto front with it. ``skipped`` says how many of the finished
    children had been finished before the sweep was started this time. ``outdated`` counts the runs that the sweep trained
    earlier but does not ask for any more: they are no children.
    """

    name: str
    children: list[Child]
    metric: str = "best/val_accuracy"
    maximize: bool = True
    skipped: int = 0
    further: Mapping[str, bool] = field(default_factory=dict)
    outdated: int = 0

    @property
    def sign(self) -> int:
        """Times this, more of the metric is better."""
        return 1 if self.maximize else -1

    @property
    def column(self) -> str:
        """The metric as its columns are named: ``best/val_accuracy`` gives ``val/accuracy``, for ``val/accuracy_mean``."""
        group, _, rest = self.metric.partition("/")
        return rest.replace("_", "/", 1) if group == "best" else self.metric

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many children have each of `STATUSES`."""
        found = Counter(child.status for child in self.children)
        return {status: found[status] for status in STATUSES}

    @cached_property
    def unfinished(self) -> list[Child]:
        """The children that failed or did not come to an end."""
        return [child for child in self.children if child.status not in FINAL]

    @cached_property
    def unsuccessful(self) -> list[Child]:
        """The children that need attention: those that failed, diverged, were killed, or lost a file."""
        return [child for child in self.children if child.status in ("failed", "diverged", "killed") or child.problem]

    @cached_property
    def linked(self) -> int:
        """How many children were trained by another sweep or as a single run."""
        return sum(child.linked for child in self.children)

    @cached_property
    def params(self) -> list[Param]:
        """What varies beside the seed."""
        return varying(child.configuration for child in self.children)

    def value(self, child: Child) -> float | None:
        """A finished child's metric; None where it has none or is not finished."""
        value = child.metrics.get(self.metric)
        return value if child.status == "finished" and value is not None and math.isfinite(value) else None

    @property
    def is_ranked(self) -> bool:
        """Whether there is a ranking: some finished child has the metric, or none is finished yet."""
        return bool(self.ranked) or not self.counts["finished"]

    @cached_property
    def ranked(self) -> list[Child]:
        """The finished children that have the metric, best first."""
        valued = [(self.sign * value, child) for child in self.children if (value := self.value(child)) is not None]
        return [child for _, child in sorted(valued, key=lambda pair: -pair[0])]

    @property
    def best(self) -> Child | None:
        """The finished child that validation likes best."""
        return self.ranked[0] if self.ranked else None

    @property
    def best_value(self) -> float | None:
        """The metric of `best`."""
        return self.value(self.best) if self.best else None

    @cached_property
    def configurations(self) -> list[Configuration]:
        """All configurations, by the mean of the metric from the best on; those without a finished run come last."""
        groups: dict[str, list[Child]] = {}
        for child in self.children:
            groups.setdefault(child.group, []).append(child)
        found = [self._configuration(children) for children in groups.values()]
        return sorted(found, key=lambda c: -self.sign * c.metric.mean if c.metric else math.inf)

    @cached_property
    def objectives(self) -> dict[str, bool]:
        """All objectives by the names of their columns, each with whether more of it is better."""
        return {self.column: self.maximize, **self.further}

    @cached_property
    def compared(self) -> list[tuple[Configuration, tuple[float, ...]]]:
        """The configurations that have all of several objectives, with the means of those; none where there is one objective."""
        spreads = [(c, (c.metric, *c.further.values())) for c in self.configurations if self.further]
        return [(c, tuple(s.mean for s in found if s)) for c, found in spreads if all(found)]

    @cached_property
    def front(self) -> dict[str, bool]:
        """Whether each configuration of `compared`, by its group, is on their Pareto front."""
        marks = on_front([means for _, means in self.compared], list(self.objectives.values()))
        return {c.group: mark for (c, _), mark in zip(self.compared, marks, strict=True)}

    @cached_property
    def verdict(self) -> Verdict:
        """Which of the ranked configurations cannot be told from the best."""
        values = [self._by_seed(c.children) for c in self.configurations if c.metric]
        return Verdict.of(self.metric, values, self.sign)

    def _by_seed(self, children: list[Child]) -> dict[str, float]:
        """The metric of each run that has it. Where another key brings the seed, such as ``experiment``, runs pair with none."""
        valued = [(child, self.value(child)) for child in children]
        return {child.overrides.get("seed", child.fingerprint): value for child, value in valued if value is not None}

    def _configuration(self, children: list[Child]) -> Configuration:
        finished = [child for child in children if child.status == "finished"]
        return Configuration(
            {param.key: children[0].configuration.get(param.key, ABSENT) for param in self.params},
            children,
            Spread.of(child.metrics.get(self.metric, math.nan) for child in finished),
            Spread.of(child.metrics.get(TEST, math.nan) for child in finished),
            {name: Spread.of(child.metrics.get(name, math.nan) for child in finished) for name in self.further},
        )

    def overview(self) -> str:
        """``12 runs: 10 finished (4 of them earlier, 2 linked), 1 failed, 1 diverged``."""
        linked = f", {self.linked} linked" if self.linked else ""
        earlier = f" ({self.skipped} of them earlier{linked})" if self.skipped else ""
        parts = [f"{n} {status}{earlier if status == 'finished' else ''}" for status, n in self.counts.items() if n]
        n = len(self.children)
        return f"{counted(n, 'run')}: {', '.join(parts) or 'none begun'}"
