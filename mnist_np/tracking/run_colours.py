"""Colours of runs that are compared, as tags of theirs.

By itself MLflow's page takes one of its colours by the run's id, and two of ten runs are often alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "mlflow.runColor"

COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
    "#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5", "#c49c94", "#f7b6d2", "#c7c7c7", "#dbdb8d", "#9edae5",
)  # fmt: skip
"""Matplotlib's ``tab20``: ten strong ones, and then their light ones."""


def colour(client: MlflowClient, run_ids: Sequence[str]) -> None:
    """Give the first runs colours that differ."""
    for run_id, value in zip(run_ids, COLOURS, strict=False):
        client.set_tag(run_id, TAG, value)
