"""The metrics that a sweep ranks by, checked before its first run, so that a typing error is found at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mnist_np.component import ConfigError, did_you_mean
from mnist_np.metrics import METRICS
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.settings import Sweep
from mnist_np.training.metric_names import run_metrics


def check_objectives(configs: Sequence[RunConfig], needed: bool) -> None:
    """Raise ConfigError unless some run of a sweep has each metric that the sweep ranks or searches by.

    Args:
        configs: those of the runs.
        needed: whether nothing can be done without; else runs that have no validation examples need not have the default metric.
    """
    kinds = {repr((config.data, config.training.metrics)): config for config in configs}
    # Of the data only the answer is kept: all kinds of them together may not fit into memory.
    runs = [(config, len(config.experiment.load_data().val) > 0) for config in kinds.values()]
    known = dict.fromkeys(name for config, validated in runs for name in run_metrics(config.training, validated))
    sweep = configs[0].sweep
    for metric in sweep.objectives:
        if metric in known or (metric == Sweep().metric and not needed and not any(validated for _, validated in runs)):
            continue
        key = "sweep.metric" if metric == sweep.metric else "sweep.search.metrics"
        raise ConfigError(key, metric, why_not(metric, runs[0][0], list(known)))


def why_not(metric: str, config: RunConfig, known: list[str]) -> str:
    """What to do about a metric that no run has, of which ``config`` is one's."""
    everything = dataclasses.replace(config.training, metrics=list(METRICS))
    if metric in run_metrics(config.training, True):
        return "needs validation examples: data.validation_size must be > 0"
    if metric in run_metrics(everything, True):
        return f"is measured only where it is asked for: training.metrics=[{metric.removeprefix('best/val_')}]"
    return f"no such metric; {did_you_mean(metric, known)}must be one of {', '.join(known)}"
