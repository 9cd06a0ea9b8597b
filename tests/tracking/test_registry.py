"""``tracking.register``: versions of a registered model, and which of them is the champion."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from small_sweep import report_of, run_sweep
from without_project import predictions

from mnist_np.api import run
from mnist_np.cli.train import main
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Training
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.run_index import is_final
from mnist_np.sweep.significance import mcnemar
from mnist_np.tracking.best_model import log_best
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.pending import deliver_pending
from mnist_np.tracking.settings import Tracking


@pytest.fixture
def name(tmp_path):
    return f"it's {tmp_path.name}"


def train(outputs, folder, experiment, name, **tracking):
    observers = [RunFolder(folder, figures=False), MlflowObserver(Tracking(register=name, **tracking), outputs, folder)]
    return run(experiment, observers)


def versions(store, name):
    return sorted(
        (version for version in store.client.search_model_versions() if version.name == name), key=lambda v: int(v.version)
    )


def champion(store, name):
    return int(store.client.get_model_version_by_alias(name, "champion").version)


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 5), (12, 3), (3, 12), (150, 100), (4000, 3900)])
def test_the_paired_test_is_the_binomial_test(better, worse):
    scipy = pytest.importorskip("scipy.stats")
    expected = scipy.binomtest(better, better + worse, 0.5).pvalue if better + worse else 1.0
    assert mcnemar(better, worse) == pytest.approx(expected, rel=1e-9)


def test_the_paired_test_by_hand():
    assert mcnemar(6, 0) == 2 / 2**6
    assert mcnemar(1, 5) == 2 * (1 + 6) / 2**6
    assert mcnemar(2, 2) == 1.0


def test_the_champion_answers_without_this_project(outputs, folder, store, experiment, name, tmp_path):
    result = train(outputs, folder, experiment, name)
    (version,) = versions(store, name)
    assert version.run_id == Ledger.read(folder).run_id
    assert version.tags["champion"] == "yes: there was no champion"
    right = result.metrics["best/val_accuracy"]
    assert version.description == f"val/accuracy {right:.4f} (128 images); champion: yes: there was no champion"
    P = predictions(f"models:/{name}@champion", store, result.data.test.X, tmp_path)
    np.testing.assert_allclose(P, result.network.predict_proba(result.data.test.X), atol=1e-6)


def test_the_alias_moves_to_a_version_that_is_better_and_to_no_other(outputs, folder, store, experiment, name, capfd):
    experiment.training = Training(epochs=1, batch_size=512)
    train(outputs, folder / "bad", experiment, name)
    experiment.training = Training(epochs=5, batch_size=32)
    train(outputs, folder / "good", experiment, name)
    assert champion(store, name) == 2, [version.tags for version in versions(store, name)]
    train(outputs, folder / "again", experiment, name)
    experiment.training = Training(epochs=1, batch_size=512)
    train(outputs, folder / "bad again", experiment, name)
    experiment.data = Synthetic(validation_size=150)
    train(outputs, folder / "other images", experiment, name)
    said = [version.tags["champion"] for version in versions(store, name)]
    assert champion(store, name) == 2, [version.tags for version in versions(store, name)]
    assert said[1].startswith("yes: right on ")
    assert said[2] == "no: right on 0 validation images where version 2 is wrong, wrong on 0 where it is right (McNemar, p = 1)"
    assert said[3].startswith("no: right on ")
    assert said[4] == "no: version 2, the champion, was validated on other images"
    store.client.set_registered_model_alias(name, "champion", "5")  # by hand
    Path(urlparse(versions(store, name)[4].source).path, "validation.json").unlink()
    train(outputs, folder / "last", experiment, name)
    assert champion(store, name) == 5
    assert "does not say which validation images" in versions(store, name)[5].tags["champion"]
    assert "Downloading" not in capfd.readouterr().err, "MLflow's progress bars of single files"


def test_the_terminal_says_what_was_registered_and_why(tmp_path, capsys):
    words = ["data=synthetic", "training.epochs=1", "model.hidden=[8]", f"outputs={tmp_path}", "tracking.register=digits"]
    assert main(words) == 0
    assert re.search(r"^registered +digits, version 1; champion: yes: there was no champion$", capsys.readouterr().out, re.M)
    assert main([*words, "optimizer.lr=1e30"]) == 1
    assert "registered     not as digits: only a finished run with a logged model is" in capsys.readouterr().out
    assert main(["-m", *words, "optimizer.lr=0.01,0.02"]) == 0
    assert re.search(
        r"^  registered +digits, version 2; champion: (yes|no): right on \d+ validation", capsys.readouterr().out, re.M
    )
    assert main([*words, "seed=1", "tracking.required=false", "tracking=server", "tracking.uri=http://127.0.0.1:9"]) == 0
    assert re.search(r"^registered +when it is delivered$", capsys.readouterr().out, re.M)


def test_a_journal_delivered_twice_registers_it_once(outputs, folder, store, experiment, name):
    train(outputs, folder, experiment, name)
    ledger = Ledger.read(folder)
    ledger.offset = 0
    Delivery(folder, Journal(folder), ledger, store).deliver(5)
    (version,) = versions(store, name)
    (model,) = store.client.search_logged_models([ledger.experiment_id], f"source_run_id = '{version.run_id}'")
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": name, "version": version.version}]


@pytest.mark.parametrize(
    "cut", ["create_model_version", "set_model_version_tag", "set_registered_model_alias", "create_registered_model"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delivery_that_is_cut_off_is_finished_by_the_next(outputs, folder, store, experiment, name, monkeypatch, cut, when):
    real = getattr(MlflowClient, cut)

    def cut_off(self, *arguments, **keywords):
        if when == "after":
            real(self, *arguments, **keywords)
        raise MlflowException("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, cut, cut_off)
        train(outputs, folder, experiment, name, required=False)
    if when == "before":  # after it the second attempt of the run itself finds it done
        assert Ledger.read(folder).offset < Journal(folder).size
    assert deliver_pending(store, [folder]) == []
    (version,) = versions(store, name)
    assert champion(store, name) == 1
    assert version.tags["champion"] == "yes: there was no champion"
    assert store.client.get_run(version.run_id).info.status == "FINISHED"


def no_registry(self, *arguments, **keywords):
    raise RestException({"error_code": "ENDPOINT_NOT_FOUND", "message": "no such page"})


def test_a_store_without_registry(outputs, folder, store, experiment, name, monkeypatch):
    monkeypatch.setattr(MlflowClient, "search_registered_models", no_registry)
    with pytest.raises(TrackingError, match=r"has no model registry, which tracking\.register needs"):
        train(outputs, folder, experiment, name)
    train(outputs, folder, experiment, name, required=False)
    logged = store.client.get_run(Ledger.read(folder).run_id)
    assert logged.info.status == "FINISHED", "the rest is delivered"
    assert "has no model registry" in logged.data.tags["register"]


@pytest.mark.parametrize("bad", ["", "  ", "a/b", "a:b", "..", " a", "a\nb", "x" * 257, "100%"])
def test_names_that_no_registry_takes(bad):
    with pytest.raises(ConfigError, match=r"register"):
        Tracking(register=bad)


@pytest.mark.parametrize("settings", [{"model": "never"}, {"backend": "off"}])
def test_it_needs_a_model_and_mlflow(settings):
    with pytest.raises(ConfigError, match=r"register.*needs"):
        Tracking(register="digits", **settings)


def test_of_a_sweep_the_best_run_alone(tmp_path, name):
    outputs = tmp_path / "outputs"
    parent = run_sweep(outputs, seeds=1, register=name)
    report, store = report_of(outputs), parent.store
    best = report.best
    (version,) = versions(store, name)
    assert version.run_id == best.run_id
    models = store.client.search_logged_models([parent.experiment_id])
    assert [model.source_run_id for model in models] == [best.run_id]
    assert {metric.key: metric.value for metric in models[0].metrics}["best/val_accuracy"] == best.metrics["best/val_accuracy"]
    records = [record["kind"] for record, _ in Journal(best.folder).read()]
    assert records[-4:] == ["model", "register", "tags", "end"]
    assert is_final(best.folder, tracked=True), "a sweep that is continued does not train it again"
    log_best(parent.tracking, report, "FINISHED", outputs)
    assert [record["kind"] for record, _ in Journal(best.folder).read()] == records, "once"
    assert store.client.get_run(best.run_id).info.status == "FINISHED"
    assert deliver_pending(store, [child.folder for child in report.children]) == []


@pytest.mark.parametrize(("status", "model"), [("KILLED", "auto"), ("FINISHED", "never")])
def test_sweeps_that_log_none(outputs, folder, store, experiment, status, model):
    run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(model="never"), outputs, folder)])
    before = Journal(folder).size
    best = SimpleNamespace(best=SimpleNamespace(folder=folder, status="finished"))
    log_best(Tracking(model=model), best, status, outputs)
    assert Journal(folder).size == before
    log_best(Tracking(), best, "FINISHED", outputs)
    assert Journal(folder).size > before
