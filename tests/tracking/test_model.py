"""``tracking.model``: the network as a model of MLflow, once, with its metrics and their data sets."""

import json

import numpy as np
import pytest
from without_project import predictions

from mnist_np.api import run
from mnist_np.nn.activations import ACTIVATIONS, ReLU
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.model import wanted
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking


def train(outputs, folder, experiment, **tracking):
    return run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(**tracking), outputs, folder)])


def models(store, folder):
    ledger = Ledger.read(folder)
    return store.client.search_logged_models([ledger.experiment_id], f"source_run_id = '{ledger.run_id}'")


def test_mlflow_loads_it_without_this_project(outputs, folder, store, experiment, tmp_path):
    result = train(outputs, folder, experiment)
    (model,) = models(store, folder)
    assert model.status == "READY"
    P = predictions(f"models:/{model.model_id}", store, result.data.test.X, tmp_path)
    np.testing.assert_allclose(P, result.network.predict_proba(result.data.test.X), atol=1e-6)


def test_its_metrics_are_the_runs_with_their_data_sets(outputs, folder, store, experiment):
    result = train(outputs, folder, experiment)
    (model,) = models(store, folder)
    metrics = {metric.key: metric for metric in model.metrics}
    assert metrics["test/accuracy"].value == result.metrics["test/accuracy"]
    logged = store.client.get_run(Ledger.read(folder).run_id)
    digests = {given.tags[0].value: given.dataset.digest for given in logged.inputs.dataset_inputs}
    assert metrics["test/accuracy"].dataset_digest == digests["testing"]
    assert metrics["best/val_accuracy"].dataset_digest == digests["validation"]
    assert model.params["optimizer"] == "sgd"
    assert model.tags["mlflow.note.content"] == (folder / "model" / "README.md").read_text()
    assert len(store.client.get_metric_history(logged.info.run_id, "test/accuracy")) == 1, "the run has it once"
    assert [output.model_id for output in logged.outputs.model_outputs] == [model.model_id]


def test_a_run_that_went_on_leaves_the_numbers_of_its_stop_behind(outputs, folder, store, experiment):
    result = train(outputs, folder, experiment)
    start, *rest = (folder / "journal.jsonl").read_text().splitlines()
    then = {"kind": "metrics", "time": json.loads(start)["time"], "step": 0, "metrics": {"test/accuracy": 0.125}}
    (folder / "journal.jsonl").write_text("\n".join([start, json.dumps(then), *rest, ""]))
    ledger = Ledger.read(folder)
    ledger.key, ledger.run_id, ledger.offset = "another", None, 0
    Delivery(folder, Journal(folder), ledger, store).deliver(5)
    (model,) = models(store, folder)
    assert [metric.value for metric in model.metrics if metric.key == "test/accuracy"] == [result.metrics["test/accuracy"]]


def test_a_journal_delivered_twice_logs_it_once(outputs, folder, store, experiment):
    train(outputs, folder, experiment)
    before = [(model.model_id, len(model.metrics)) for model in models(store, folder)]
    ledger = Ledger.read(folder)
    ledger.offset = 0
    Delivery(folder, Journal(folder), ledger, store).deliver(5)
    assert [(model.model_id, len(model.metrics)) for model in models(store, folder)] == before
    assert len(store.client.get_run(ledger.run_id).outputs.model_outputs) == 1


@pytest.mark.parametrize(
    ("setting", "is_child", "status", "expected"),
    [
        ("auto", False, "finished", True),
        ("auto", False, "killed", False),
        ("auto", True, "finished", False),
        ("always", True, "killed", True),
        ("never", False, "finished", False),
    ],
)
def test_which_runs_have_one(setting, is_child, status, expected):
    assert wanted(setting, is_child, status) == expected


def test_a_network_of_ones_own_has_none_and_the_run_is_whole(outputs, folder, store, experiment, caplog, monkeypatch):
    class Own(ReLU):
        pass

    monkeypatch.setitem(ACTIVATIONS, "own", Own)
    experiment.activation = Own()
    result = train(outputs, folder, experiment)
    assert result.status == "finished"
    assert not models(store, folder)
    assert store.client.get_run(Ledger.read(folder).run_id).info.status == "FINISHED"
    assert "ERROR" not in caplog.text
