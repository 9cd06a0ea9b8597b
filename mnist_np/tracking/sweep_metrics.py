"""The metrics of a sweep's parent run."""

from __future__ import annotations

from collections.abc import Container

from mnist_np.sweep.report import SweepReport


def metrics_of(report: SweepReport, shown: Container[str] = ()) -> dict[str, float]:
    """Counts by status, the best value, and mean and spread of the best configuration. A count that is and was 0 is left out:
    MLflow would draw a chart of zeros."""
    counts = {f"n/{status}": float(n) for status, n in (report.counts | {"skipped": report.skipped}).items()}
    metrics = {key: n for key, n in counts.items() if n or key in shown or key == "n/finished"}
    if report.best_value is not None:
        metrics[report.metric] = report.best_value
    spread = report.configurations[0].metric if report.configurations else None
    if spread is not None:
        metrics[f"{report.column}_mean"] = spread.mean
        if spread.sd is not None:
            metrics[f"{report.column}_sd"] = spread.sd
    return metrics
