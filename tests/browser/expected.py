"""What the pages of a sweep have to show, from its CSV and its runs."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mnist_np.sweep.report import Configuration


def ranked_rows(text: str) -> list[dict[str, Any]]:
    """The rows of a sweep's CSV that have a rank, numbers as such."""
    return [numbers(row) for row in csv.DictReader(io.StringIO(text)) if row["rank"]]


def numbers(row: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = dict(row)
    for key, text in row.items():
        if key == "n" or key.endswith(("_mean", "_sd", "_best")):
            found[key] = float(text) if text else None
    return found


def check_means(shown: Sequence[Mapping[str, str]], rows: Sequence[Mapping[str, Any]]) -> None:
    """The table of the means against the rows of the CSV: the same numbers, the best mean first."""
    params = [key for key in rows[0] if f"params.`{key}`" in shown[0]]
    by_values = {tuple(row[key] for key in params): row for row in rows}
    assert len(by_values) == len(rows)
    means = []
    for cells in shown:
        row = by_values.pop(tuple(cells[f"params.`{key}`"] for key in params))
        for name in ("n", "val/accuracy_mean", "val/accuracy_sd", "test/accuracy_mean", "test/accuracy_sd"):
            assert number(cells[f"metrics.`{name}`"]) == row[name], (row, name)
        assert number(cells["metrics.`val/accuracy_max`"]) == row["val/accuracy_best"]
        means.append(number(cells["metrics.`val/accuracy_mean`"]))
    assert means == sorted((row["val/accuracy_mean"] for row in rows), reverse=True)[: len(means)], "no better one is missing"


def check_runs(shown: Sequence[Mapping[str, str]], metrics: Iterable[Mapping[str, float]]) -> None:
    """The table of the runs against the metrics of all finished ones: the best of them, with their values."""
    expected = sorted(((run["best/val_accuracy"], run["test/accuracy"]) for run in metrics), reverse=True)
    found = [(number(cells["metrics.`best/val_accuracy`"]), number(cells["metrics.`test/accuracy`"])) for cells in shown]
    assert [value for value, _ in found] == [value for value, _ in expected[: len(found)]]
    assert set(found) <= set(expected)
    assert {cells["tags.`status`"] for cells in shown} == {"finished"}


def number(text: str) -> float | None:
    return None if text == "-" else float(text)


def curve_of_means(configuration: Configuration, key: str) -> list[float]:
    """The mean of the finished runs' values at each epoch."""
    curves = [[row[key] for row in child.history] for child in configuration.children if child.status == "finished"]
    return [statistics.fmean(values) for values in zip(*curves, strict=True)]
