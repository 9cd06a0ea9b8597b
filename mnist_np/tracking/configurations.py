"""One summary run per configuration of a sweep: the mean of its seeds, their spread, and the means of their curves.

MLflow's runs page loads the best 100 runs. Means that the page itself makes, by grouping, are means of those alone: the bad
seeds drop out. So the means are logged, and there are as many rows as configurations.

A summary run has the tag ``sweep_role=configuration`` and is never counted as a run of the sweep. MLflow keeps every value of
a metric, so a summary that has changed is deleted and logged anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mnist_np.sweep.children import Child
from mnist_np.sweep.report import TEST, Configuration, Spread, SweepReport
from mnist_np.sweep.values import title
from mnist_np.tracking.client import all_runs
from mnist_np.tracking.links import run_page, runs_page
from mnist_np.tracking.origin import origin_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

ROLE = "configuration"
"""The tag ``sweep_role`` of a summary run."""

CURVES = ("train/", "val/")
"""Prefixes of the metrics whose means are logged for each epoch."""

LAST = 500
"""Metrics that go to MLflow in one request with params and tags; it takes 1000 of all."""


@dataclass(frozen=True)
class Summary:
    """What a summary run says of a configuration.

    Attributes:
        key: the fingerprint of its runs without the seed.
        name: the run's name: μ for mean, and the values.
        params: the values of what varies.
        metrics: n and the spread of the sweep's metric and of the test accuracy.
        curves: for each metric the mean of the finished runs by epoch, over the epochs that all of them have.
        seconds: the mean duration of its runs.
    """

    key: str
    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    curves: dict[str, dict[int, float]]
    seconds: float

    @property
    def digest(self) -> str:
        """Changes when anything of it does."""
        content = [self.key, self.name, self.params, self.metrics, self.curves, self.seconds]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def has_means(report: SweepReport) -> bool:
    """Whether any configuration has several finished runs: else a mean would only repeat its run."""
    return any(c.metric and c.metric.n > 1 for c in report.configurations)


def summary(c: Configuration, report: SweepReport) -> Summary:
    """The summary of a configuration that has a finished run."""
    assert c.metric is not None
    spreads = {report.column: c.metric, **c.further, TEST: c.test}
    metrics = {"n": float(c.metric.n)}
    for name, spread in spreads.items():
        metrics |= spread_metrics(name, spread)
    finished = [child for child in c.children if child.status == "finished"]
    seconds = [child.metrics["time/total_s"] for child in finished if "time/total_s" in child.metrics]
    return Summary(c.group, f"μ {title(c.values)}", c.values, metrics, curves(finished), statistics.fmean(seconds or [0.0]))


def spread_metrics(name: str, spread: Spread | None) -> dict[str, float]:
    """``{"test/accuracy_mean": ...}`` and so on; nothing where there is no value, and no sd where there is one."""
    if spread is None:
        return {}
    found = {f"{name}_mean": spread.mean, f"{name}_min": spread.low, f"{name}_max": spread.high}
    return found | ({} if spread.sd is None else {f"{name}_sd": spread.sd})


def curves(children: list[Child]) -> dict[str, dict[int, float]]:
    """The mean of each curve by epoch, over the epochs at which all the children have a finite value."""
    histories = [child.history for child in children if child.history]
    found = {}
    for key in dict.fromkeys(key for rows in histories for row in rows for key in row if key.startswith(CURVES)):
        series = [{int(row["epoch"]): row[key] for row in rows if math.isfinite(row.get(key, math.nan))} for rows in histories]
        common = sorted(set.intersection(*(set(values) for values in series)))
        found[key] = {epoch: statistics.fmean(values[epoch] for values in series) for epoch in common}
    return found


class ConfigurationRuns:
    """The summary runs of the sweep ``sweep_id`` in MLflow, brought in line with its report by `update`."""

    def __init__(self, client: MlflowClient, experiment_id: str, sweep_id: str, parent_run_id: str) -> None:
        self.client, self.experiment_id, self.sweep_id, self.parent_run_id = client, experiment_id, sweep_id, parent_run_id
        self.metric, self.maximize = "", True
        self._known: dict[str, tuple[str, str]] | None = None

    def update(self, report: SweepReport, final: bool) -> None:
        """Log what is new or has changed, and delete what is no longer so.

        While the sweep runs (not ``final``) a configuration waits until all its runs have ended, so that each is logged about
        once: a summary costs some hundredths of a second.
        """
        self.metric, self.maximize, known = report.metric, report.maximize, self.known()
        ranked = [c for c in report.configurations if c.metric] if has_means(report) else []
        current = {c.group: c for c in ranked}
        for key in known.keys() - current.keys():
            self.delete(key)
        for key, c in current.items():
            if final or not (c.counts["running"] or c.counts["queued"]):
                wanted = summary(c, report)
                if key in known and known[key][1] != wanted.digest:
                    self.delete(key)
                if key not in known:
                    known[key] = (self.create(wanted), wanted.digest)

    def known(self) -> dict[str, tuple[str, str]]:
        """Run id and digest by configuration; asked of MLflow once. Of what was logged twice, or in part, nothing is kept."""
        if self._known is None:
            self._known = {}
            where = f"tags.sweep = '{self.sweep_id}' and tags.sweep_role = '{ROLE}'"
            for run in list(all_runs(self.client, [self.experiment_id], where)):  # all, before some are deleted
                key, digest = run.data.tags.get("configuration", ""), run.data.tags.get("digest")
                if digest is None or key in self._known:
                    self.client.delete_run(run.info.run_id)
                else:
                    self._known[key] = (run.info.run_id, digest)
        return self._known

    def run_ids(self, report: SweepReport) -> list[str]:
        """The ids of the summary runs, best first."""
        known = self.known()
        return [known[c.group][0] for c in report.configurations if c.group in known]

    def note(self, wanted: Summary) -> str:
        """What the summary's page says, with links to its runs and to the sweep."""
        where = f"tags.sweep = '{self.sweep_id}' and tags.sweep_role = 'child' and tags.config_group = '{wanted.key}'"
        runs = runs_page(self.experiment_id, self.metric, self.maximize, where)
        sweep = run_page(self.experiment_id, self.parent_run_id)
        n = f"{wanted.metrics['n']:g} runs" if wanted.metrics["n"] > 1 else "1 run"
        return f"The mean of {n} that differ by seed alone: [its runs]({runs}) · [the sweep]({sweep})"

    @cached_property
    def began(self) -> int:
        """When the sweep began, in ms."""
        return int(self.client.get_run(self.parent_run_id).info.start_time)

    def delete(self, key: str) -> None:
        self.client.delete_run(self.known().pop(key)[0])

    def create(self, wanted: Summary) -> str:
        """A new summary run, which begins with the sweep, so that a list by time shows it behind the sweep's own runs.

        Its digest comes last: a run without one was not logged to its end.
        """
        from mlflow.entities import Metric, Param, RunTag

        began = self.began
        tags = origin_tags() | {
            "sweep": self.sweep_id,
            "sweep_role": ROLE,
            "configuration": wanted.key,
            "mlflow.note.content": self.note(wanted),
            "mlflow.parentRunId": self.parent_run_id,
        }
        run_id = str(self.client.create_run(self.experiment_id, began, tags, wanted.name).info.run_id)
        metrics = [Metric(key, value, began, 0) for key, value in wanted.metrics.items()]
        metrics += [Metric(key, v, began + epoch, epoch) for key, curve in wanted.curves.items() for epoch, v in curve.items()]
        params = [Param(key, value) for key, value in wanted.params.items()]
        self.client.log_batch(run_id, metrics[:-LAST])
        self.client.log_batch(run_id, metrics[-LAST:], params, [RunTag("status", "finished"), RunTag("digest", wanted.digest)])
        self.client.set_terminated(run_id, "FINISHED", began + round(1000 * wanted.seconds))
        return run_id
