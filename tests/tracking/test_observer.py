"""What MLflow knows of a run, asked of MLflow itself."""

import json
import math

import pandas
import pytest
import yaml
from mlflow.artifacts import download_artifacts

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.fingerprint import identify
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import SGD
from mnist_np.serialize import from_dict, to_dict
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.weights import load_weights
from mnist_np.tracking.inputs import CONTEXTS, describe_data, digest
from mnist_np.tracking.journal import Ledger, lock
from mnist_np.tracking.observer import MlflowObserver, run_name
from mnist_np.tracking.settings import Tracking
from mnist_np.training.events import Observer, StopTraining

EPOCH_METRICS = {"train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "time/epoch_s"}
FINAL_METRICS = {"best/val_accuracy", "best/val_loss", "best/epoch", "time/total_s", "model/parameters"} | {
    f"test/{name}" for name in ("accuracy", "error", "loss", "nll", "ece", "brier", "top3", "macro_f1")
}


@pytest.fixture
def tracked(outputs, folder, store):
    """Runs an experiment with the folder and the tracker listening; gives the result and what MLflow then knows."""

    def train(experiment, *others, figures=False, **details):
        tracker = MlflowObserver(Tracking(), outputs, folder, **details)
        result = run(experiment, [*others, RunFolder(folder, figures), tracker])
        return result, store.client.get_run(Ledger.read(folder).run_id)

    return train


class Stop(Observer):
    """Ends the training after an epoch."""

    def __init__(self, epoch, status):
        self.epoch, self.status = epoch, status

    def on_epoch(self, event):
        if event.epoch == self.epoch:
            raise StopTraining(self.status, "because the test says so")


def history(store, run, key):
    return [(metric.step, metric.value) for metric in store.client.get_metric_history(run.info.run_id, key)]


def test_every_epoch_and_the_end_are_logged(tracked, experiment, store):
    result, logged = tracked(experiment)
    assert logged.data.metrics.keys() == EPOCH_METRICS | FINAL_METRICS, "what one compares, and nothing else"
    for key in EPOCH_METRICS:
        assert history(store, logged, key) == [(row["epoch"], row[key]) for row in result.history]
    for key in FINAL_METRICS:
        assert history(store, logged, key) == [(0, result.metrics[key])], "a bar in the UI, not a line of one point"


def test_every_resolved_value_is_a_param(tracked, outputs):
    experiment = Experiment(model=MLP(hidden=[8, 4], activations=["relu", None]), data=Synthetic(), training=Training(epochs=1))
    _, logged = tracked(experiment)
    params = logged.data.params
    assert params["model.hidden"] == "[8, 4]"
    assert params["model.activations"] == '["relu", null]'
    assert params["optimizer"] == "sgd"
    assert params["optimizer.lr"] == str(SGD().lr)
    assert params["data.train_size"] == "null"
    assert params["seed"] == "0"
    names = {"model", "activation", "init", "loss", "optimizer", "schedule", "data", "training.epochs"}
    assert names <= params.keys()


def test_tags_say_where_the_run_comes_from(tracked, experiment):
    result, logged = tracked(experiment, figures=True)
    tags = logged.data.tags
    assert tags["mlflow.runName"] == "sgd 8 s0"
    assert tags["status"] == "finished"
    assert logged.info.status == "FINISHED"
    assert tags["fingerprint"] == identify(experiment, result.data.sha256).fingerprint
    assert tags["config_group"] == identify(experiment, result.data.sha256).group
    assert tags["seed"] == "0"
    assert int(tags["blas.threads"]) >= 1
    assert tags["processes"] == "1"
    assert "numpy" in tags["versions"]
    assert tags["mlflow.user"]
    assert "test accuracy" in tags["mlflow.note.content"]
    assert logged.info.run_id in tags["mlflow.note.content"], "the figures' addresses name the run"
    assert "{" not in tags["mlflow.note.content"]


def test_the_splits_are_inputs_with_their_contexts_and_digests(tracked, experiment):
    result, logged = tracked(experiment)
    inputs = logged.inputs.dataset_inputs
    assert {given.dataset.name for given in inputs} == {"synthetic"}
    assert all(json.loads(given.dataset.source)["sha256"] == result.data.sha256 for given in inputs)
    sizes = {given.tags[0].value: json.loads(given.dataset.profile)["num_rows"] for given in inputs}
    assert sizes == {"training": 512, "validation": 128, "testing": 128}
    assert len({given.dataset.digest for given in inputs}) == 3


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"source": "elsewhere"}, set()),
        ({"sha256": "b"}, {"train", "val", "test"}),
        ({"train": 500, "val": 140}, {"train", "val"}),
        ({"train": 100, "subset_seed": 0}, {"train"}),
    ],
)
def test_a_split_of_the_same_examples_has_the_same_digest(change, changed):
    data = {"sha256": "a", "source": "here", "train": 512, "val": 128, "test": 128}
    assert {split for split in CONTEXTS if digest(data, split) != digest(data | change, split)} == changed


def test_a_subset_that_another_seed_draws_has_another_digest():
    def digest_of(seed, train_size):
        experiment = Experiment(data=Synthetic(train_size=train_size), seed=seed)
        return digest(describe_data(experiment, experiment.load_data()), "train")

    assert digest_of(0, 100) != digest_of(1, 100)
    assert digest_of(0, None) == digest_of(1, None)


def test_files_are_artifacts_that_rebuild_the_run(tracked, experiment, tmp_path):
    result, logged = tracked(experiment, figures=True)
    path = tmp_path / "down"
    path.mkdir()
    download_artifacts(artifact_uri=logged.info.artifact_uri, dst_path=str(path))
    (path,) = [found.parent for found in path.rglob("config.yaml")]
    figures = {"learning_curves", "predictions", "confusion_matrix", "confident_mistakes", "first_layer"}
    assert {file.stem for file in (path / "figures").glob("*.png")} >= figures
    again = from_dict(Experiment, yaml.safe_load((path / "config.yaml").read_text()))
    assert to_dict(again) == to_dict(experiment)
    assert (load_weights(path / "weights.safetensors").network.params == result.network.params).all()
    assert len((path / "history.csv").read_text().splitlines()) == 1 + len(result.history)


def test_what_is_known_of_each_class_is_a_table(tracked, experiment, store, folder):
    result, logged = tracked(experiment)
    (table,) = json.loads(logged.data.tags["mlflow.loggedArtifacts"])
    assert table["type"] == "table"
    path = store.client.download_artifacts(logged.info.run_id, table["path"])
    shown = pandas.read_json(path, orient="split", dtype={"class": str})
    assert list(shown["class"]) == list(result.data.class_names)
    assert list(shown["recall"]) == pytest.approx([row["recall"] for row in result.classes], abs=1e-9)
    assert json.loads((folder / "per_class.json").read_text())["columns"] == ["class", "examples", "precision", "recall", "f1"]


def test_a_sweeps_child_says_whose_it_is(tracked, experiment):
    _, logged = tracked(experiment, run_name="lr=0.1-seed=3", tags={"sweep": "abc"}, parent_run_id="f" * 32)
    assert logged.info.run_name == "lr=0.1-seed=3"
    assert logged.data.tags["sweep"] == "abc"
    assert logged.data.tags["mlflow.parentRunId"] == "f" * 32


@pytest.mark.parametrize(("status", "mlflows"), [("killed", "KILLED"), ("pruned", "KILLED"), ("diverged", "FAILED")])
def test_a_run_that_ends_early_says_why(tracked, experiment, store, status, mlflows):
    _, logged = tracked(experiment, Stop(2, status))
    assert logged.info.status == mlflows
    assert logged.data.tags["status"] == status
    assert logged.data.tags["reason"] == "because the test says so"
    assert "test/accuracy" in logged.data.metrics
    assert logged.info.end_time


def test_a_run_that_breaks_is_failed(experiment, outputs, folder, store, monkeypatch):
    monkeypatch.setattr("mnist_np.training.run.conclude", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder)])
    logged = store.client.get_run(Ledger.read(folder).run_id)
    assert logged.info.status == "FAILED"
    assert logged.data.tags["reason"] == "ZeroDivisionError: division by zero"
    assert len(history(store, logged, "train/loss")) == 3


class Broken(Observer):
    """Adds numbers that are not finite to those of an epoch."""

    def on_epoch(self, event):
        event.metrics.update({"layers/1/ratio": math.inf, "layers/2/ratio": math.nan})


def test_a_number_that_is_not_finite_is_left_out_and_the_others_are_logged(tracked, experiment, store):
    _, logged = tracked(experiment, Broken())
    assert not {key for key in logged.data.metrics if key.startswith("layers/")}
    assert [step for step, _ in history(store, logged, "train/loss")] == [1, 2, 3]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mlflow_never_sees_a_number_that_is_not_finite(tracked, store):
    result, logged = tracked(
        Experiment(model=MLP(hidden=[8]), data=Synthetic(), optimizer=SGD(lr=1e30), training=Training(epochs=2))
    )
    assert result.status == "diverged"
    assert logged.data.tags["status"] == "diverged"
    assert all(math.isfinite(value) and abs(value) < 1e300 for value in logged.data.metrics.values())


def test_a_resumed_run_logs_no_epoch_twice(outputs, folder, store, experiment):
    """The run was killed when epochs 1 and 2 were logged, and trains them again."""
    run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder), Stop(2, "killed")])
    first = Ledger.read(folder).run_id
    run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder)])
    logged = store.client.get_run(Ledger.read(folder).run_id)
    assert logged.info.run_id == first
    assert [step for step, _ in history(store, logged, "train/loss")] == [1, 2, 3]
    assert logged.info.status == "FINISHED"
    assert logged.data.tags["status"] == "finished"
    assert logged.data.tags["reason"] == ""


def test_two_processes_cannot_speak_for_one_run(outputs, folder, experiment):
    folder.mkdir(parents=True)
    with lock(folder), pytest.raises(Exception, match="still at work on the run"):
        run(experiment, [MlflowObserver(Tracking(), outputs, folder)])


@pytest.mark.parametrize(
    ("hidden", "name"),
    [([], "sgd linear s4"), ([300, 100], "sgd 300-100 s4"), ([64] * 9, "sgd 9x64 s4")],
)
def test_a_run_is_named_by_its_model_optimizer_and_seed(hidden, name):
    assert run_name(Experiment(model=MLP(hidden=hidden), seed=4)) == name
