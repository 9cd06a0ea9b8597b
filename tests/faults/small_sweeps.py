"""Small sweeps, and what they have left in files and in MLflow."""

import json

from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of

QUICK = ["-m", "data=synthetic", "training.epochs=1", "tracking.figures=false"]
SMALL = [*QUICK, "model.hidden=[4]", "seed=0,1"]


def results(outputs):
    return {path.parent: json.loads(path.read_text()) for path in outputs.glob("sweeps/*/*/result.json")}


def statuses(outputs):
    return sorted(result["status"] for result in results(outputs).values())


def summary(outputs):
    return json.loads(next(outputs.glob("sweeps/*/summary.json")).read_text())


def children(outputs):
    store = store_of(Tracking(), outputs)
    experiments = [store.experiment_id("mnist-np")]
    (parent,) = store.client.search_runs(experiments, "tags.sweep_role = 'parent'")
    where = f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.sweep_role = 'child'"
    return list(store.client.search_runs(experiments, where))
