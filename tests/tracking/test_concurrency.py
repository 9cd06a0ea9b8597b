"""Sixteen processes that start at once against a store that is not there yet all log completely, into the right experiment."""

import subprocess
import sys

import pytest

from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of

pytestmark = pytest.mark.fault

PROCESSES, EPOCHS = 16, 4

PROGRAM = f"""
import multiprocessing, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store  # once, before the fork: sixteen imports would take a minute
import sqlalchemy.orm
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment
from mnist_np.api import run
from mnist_np.nn.mlp import MLP
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.experiment import Training

outputs = Path(sys.argv[1])

def work(seed, barrier):
    folder = outputs / "runs" / str(seed)
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs={EPOCHS}), seed=seed)
    barrier.wait()
    run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(experiment="crowd"), outputs, folder)])

sqlalchemy.orm.configure_mappers()
context = multiprocessing.get_context("fork")
barrier = context.Barrier({PROCESSES})
processes = [context.Process(target=work, args=(seed, barrier)) for seed in range({PROCESSES})]
for process in processes:
    process.start()
for process in processes:
    process.join()
sys.exit(sum(process.exitcode != 0 for process in processes))
"""


def test_sixteen_at_once_on_an_empty_store(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    store = store_of(Tracking(), tmp_path)
    experiments = {experiment.name: experiment.experiment_id for experiment in store.client.search_experiments()}
    assert sorted(experiments) == ["Default", "crowd"]
    assert not store.client.search_runs([experiments["Default"]])
    runs = store.client.search_runs([experiments["crowd"]])
    assert sorted(run.data.tags["seed"] for run in runs) == sorted(map(str, range(PROCESSES)))
    for run in runs:
        assert run.info.status == "FINISHED"
        logged = [metric.step for metric in store.client.get_metric_history(run.info.run_id, "val/loss")]
        assert logged == list(range(1, EPOCHS + 1))
        assert "test/accuracy" in run.data.metrics
        assert {"config.yaml", "weights.safetensors"} <= {file.path for file in store.client.list_artifacts(run.info.run_id)}
