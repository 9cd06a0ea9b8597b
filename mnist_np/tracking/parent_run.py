"""The run that is a sweep's parent: found by the sweep's id, or made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import time

from mnist_np.sweep.plan import WITHOUT_EFFECT
from mnist_np.tracking.store import Store

LONGEST_PARAM = 6000
"""Characters that MLflow keeps of a param."""


def find_or_create(store: Store, experiment_id: str, name: str, tags: dict[str, str], params: dict[str, str]) -> str:
    """The id of the parent run, which runs from now on. A param that is there already stays: MLflow's cannot change."""
    from mlflow.entities import Param, RunTag

    client, known = store.client, {}
    where = f"tags.sweep = '{tags['sweep']}' and tags.sweep_role = 'parent'"
    found = client.search_runs([experiment_id], where, max_results=1)
    if found:
        run_id, known = str(found[0].info.run_id), found[0].data.params
        client.update_run(run_id, status="RUNNING")
    else:
        run_id = str(client.create_run(experiment_id, int(time() * 1000), tags, name).info.run_id)
    new = [Param(key, value[:LONGEST_PARAM]) for key, value in params.items() if key not in known]
    client.log_batch(run_id, params=new, tags=[RunTag(key, value) for key, value in tags.items()])
    return run_id


def params_of(fixed: Sequence[str]) -> dict[str, str]:
    """The overrides that make the sweep what it is, as params, as far as MLflow allows their keys."""
    pairs = (text.split("=", 1) for text in fixed if "=" in text and not text.startswith(WITHOUT_EFFECT))
    return {key: value for key, value in pairs if re.fullmatch(r"[\w./ -]+", key)}
