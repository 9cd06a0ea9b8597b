"""Files of a run as MLflow holds them, for a run whose own folder is elsewhere or gone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mnist_np.storage.interrupted import SHORT_ID
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.store import Store, first_line


def whole_id(store: Store, run_id: str) -> str:
    """The run id in the store that begins so; what is given where there is none. Raises TrackingError where there are several."""
    if not SHORT_ID.fullmatch(run_id):
        return run_id
    experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
    found = store.client.search_runs(experiments, f"attributes.run_id LIKE '{run_id}%'", max_results=2)
    if len(found) > 1:
        raise TrackingError(f"{run_id} is the beginning of several run ids")
    return str(found[0].info.run_id) if found else run_id


def fetch(store: Store, run_id: str, names: Iterable[str], into: Path) -> None:
    """Copy the run's artifacts ``names``, as far as there are such, into the folder ``into``.

    Raises TrackingError when there is no such run or the store does not answer.
    """
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"  # one bar for each small file
    try:
        run_id = whole_id(store, run_id)
        store.client.get_run(run_id)
        there = {artifact.path for artifact in store.client.list_artifacts(run_id)}
        for name in names:
            if name in there:
                store.client.download_artifacts(run_id, name, str(into))
    except Exception as error:
        raise TrackingError(f"{run_id}: cannot be fetched from the MLflow store {store.uri}: {first_line(error)}") from error
