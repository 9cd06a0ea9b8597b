"""The names of a run's metrics, known before it runs: what a sweep can rank by, search by and prune by."""

from __future__ import annotations

from collections.abc import Iterable

from mnist_np.experiment import Training
from mnist_np.metrics import METRICS, of_test

MINIMIZED = ("loss", "error", "nll", "brier", "ece", "epoch", "total_s", "epoch_s", "parameters")
"""Last words of the metrics of which less is better; of all others more is."""

FRACTIONS = ("accuracy", "error", "top3", "macro_f1", "ece")
"""What lies from 0 to 1, of any split. Of a plugin's metric nothing is known: where runs are compared it need not be loaded."""


def validation() -> list[str]:
    """All metrics of the validation split that an epoch may have."""
    return ["val/loss", "val/accuracy", *(f"val/{name}" for name in METRICS)]


def best_name(epoch_metric: str) -> str:
    """``val/accuracy`` gives ``best/val_accuracy``, the metric of the epoch whose weights are kept."""
    return f"best/{epoch_metric.replace('/', '_')}"


def epoch_metric(run_metric: str) -> str | None:
    """The metric with a value for each epoch of which ``run_metric`` is one value; None if it has no values per epoch.

    ``best/val_loss`` gives ``val/loss``; ``test/accuracy``, ``time/total_s`` and ``best/epoch`` give None.
    """
    return {best_name(name): name for name in validation()}.get(run_metric)


def validation_metrics(training: Training) -> list[str]:
    """The metrics of the validation split that each epoch has."""
    return ["val/loss", "val/accuracy", *(f"val/{name}" for name in dict.fromkeys(training.metrics))]


def further(training: Training, run_metrics: Iterable[str]) -> list[str]:
    """The metrics of each epoch behind ``run_metrics`` that a run has only where ``training.metrics`` asks for them."""
    asked = {f"val/{name}" for name in training.metrics}
    return [name for metric in run_metrics if (name := epoch_metric(metric)) in asked and name]


def run_metrics(training: Training, validated: bool) -> list[str]:
    """The names in `Result.metrics` of a finished run, if all are finite.

    Args:
        training: its settings, which name further metrics.
        validated: whether it has validation examples.
    """
    best = [best_name(name) for name in validation_metrics(training)] if validated else []
    test = ["test/loss", "test/accuracy", "test/error", *(f"test/{name}" for name in of_test(training.metrics))]
    return [*best, "best/epoch", *test, "time/total_s", "model/parameters"]


def less_is_better(metric: str) -> bool:
    """Whether a metric of a run or an epoch is better the smaller it is: losses, errors, times, sizes; of plugins' none."""
    return metric.replace("_", "/").endswith(tuple(f"/{word}".replace("_", "/") for word in MINIMIZED))


def is_fraction(metric: str) -> bool:
    """Whether a metric of a run or an epoch lies from 0 to 1: accuracies, errors, calibration errors, F1; of plugins' none."""
    return metric.partition("/")[2].removeprefix("val_") in FRACTIONS
