"""The parent run of a sweep, in a real store: opened once, told, finished, and opened again."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from small_sweep import ID, NAME, open_parent, report_of, run_sweep, train

from mnist_np.commands.compared import from_folders, from_mlflow
from mnist_np.tracking.addresses import announced
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.saved_views import PREFIX
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
from mnist_np.tracking.sweep import SweepParent
from mnist_np.tracking.sweep_note import LONGEST_TAG
from mnist_np.tracking.views import saved_pages


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def parent(outputs) -> SweepParent:
    return run_sweep(outputs)


def parents(outputs: Path) -> list:
    store = store_of(Tracking(), outputs)
    return store.client.search_runs([store.experiment_id("mnist-np")], f"tags.sweep = '{ID}' and tags.sweep_role = 'parent'")


def test_the_parent_tells_the_story(outputs, parent):
    (run,) = parents(outputs)
    assert (run.info.run_name, run.info.status) == (NAME, "FINISHED")
    assert run.data.metrics["n/finished"] == 8
    assert run.data.metrics["best/val_accuracy"] == report_of(outputs).best_value
    assert {"val/accuracy_mean", "val/accuracy_sd"} <= set(run.data.metrics)
    note = run.data.tags["mlflow.note.content"]
    assert "8 runs: 8 finished" in note
    assert "| # &emsp; | optimizer &emsp; | model.hidden &emsp; | n &emsp; | val/accuracy mean ± sd &emsp; |" in note
    assert len(note) <= LONGEST_TAG
    assert run.data.tags["status"] == "finished"


def test_the_runs_of_a_view_have_different_colours(parent):
    for role, n in ("child", 8), ("configuration", 4):
        where = f"tags.sweep = '{ID}' and tags.sweep_role = '{role}'"
        runs = parent.store.client.search_runs([parent.experiment_id], where)
        assert len({run.data.tags["mlflow.runColor"] for run in runs}) == n


def test_its_files_are_artifacts(parent):
    client = parent.store.client
    assert {"configurations.csv", "summary.json", "figures"} <= {file.path for file in client.list_artifacts(parent.run_id)}
    figures = {file.path for file in client.list_artifacts(parent.run_id, "figures")}
    assert {"figures/learning_curves.png", "figures/parallel_coordinates.png", "figures/heat_map.png"} <= figures


def test_children_are_nested_and_flat_tables_work_too(parent):
    client = parent.store.client
    nested = client.search_runs([parent.experiment_id], f"tags.mlflow.parentRunId = '{parent.run_id}'")
    found = client.search_runs([parent.experiment_id], f"tags.sweep = '{ID}' and tags.sweep_role = 'child'")
    assert len(found) == 8
    assert len({run.data.tags["config_group"] for run in found}) == 4
    assert len(nested) == 8 + 4, "beside them one run per configuration"


def test_views_are_saved_and_found(parent):
    tags = parent.store.client.get_experiment(parent.experiment_id).tags
    own = {f"{PREFIX}sweep-{ID}-{view}" for view in ("runs", "best", "means")}
    assert own <= {key for key in tags if key.startswith(PREFIX)}
    pages = saved_pages(tags, parent.experiment_id, ID)
    assert list(pages) == ["means over seeds", "all runs", "best 8 runs"]
    with announced(parent.store, 4321):
        told = "\n".join(parent.where_to_look(report_of(parent.store.outputs)))
    assert all(f"http://127.0.0.1:4321/{page}" in told for page in pages.values())
    envelope = json.loads(tags[f"{PREFIX}sweep-{ID}-best"])
    assert envelope["name"] == f"{NAME}: best 8 runs"


def test_the_same_sweep_has_one_parent_however_often_it_is_started(outputs, parent):
    again = open_parent(outputs)
    assert again.run_id == parent.run_id
    assert parents(outputs)[0].info.status == "RUNNING"
    with pytest.raises(TrackingError, match="another process is still at work"):
        open_parent(outputs)
    train(outputs, again.run_id, "sgd", 16, seed=2)
    again.finish(report_of(outputs), "KILLED")
    (run,) = parents(outputs)
    assert (run.info.status, run.data.metrics["n/finished"]) == ("KILLED", 9)
    open_parent(outputs).finish(report_of(outputs), "FINISHED")
    assert parents(outputs)[0].info.status == "FINISHED"


def test_a_locked_store_stops_nothing(outputs, parent, caplog, monkeypatch):
    monkeypatch.setattr("mnist_np.tracking.sweep.TIMEOUT", 0.1)
    again = open_parent(outputs)
    with caplog.at_level(logging.WARNING), closing(sqlite3.connect(outputs / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        again.update(report_of(outputs))
        assert not caplog.records  # the next update will tell
        again.finish(report_of(outputs), "FINISHED")
        other.execute("ROLLBACK")
    assert "not up to date: it is locked by another program" in caplog.text
    assert "out of date. Update them later: " in again.where_to_look(report_of(outputs))[0]
    later = open_parent(outputs)
    later.finish(report_of(outputs), "FINISHED")
    assert not any("out of date" in line for line in later.where_to_look(report_of(outputs)))
    assert parents(outputs)[0].info.status == "FINISHED"


def test_comparing_by_any_name_finds_the_same_runs(outputs, parent):
    by_sweep = {run.run_id: run for run in from_mlflow(ID, parent.store)}
    by_parent = {run.run_id: run for run in from_mlflow(parent.run_id, parent.store)}
    by_folder = {run.run_id: run for run in from_folders(parent.folder)}
    assert by_sweep.keys() == by_parent.keys() == by_folder.keys()
    run_id, one = next(iter(by_folder.items()))
    assert [run.run_id for run in from_mlflow(str(run_id), parent.store)] == [run_id]
    assert one.params == by_sweep[run_id].params
    assert one.metrics["test/accuracy"] == by_sweep[run_id].metrics["test/accuracy"]


def test_a_start_with_fewer_runs_is_what_the_parent_shows(outputs, parent):
    before = report_of(outputs)
    before.children[0] = replace(before.children[0], status="failed")
    open_parent(outputs).finish(before, "FAILED")
    assert parents(outputs)[0].data.metrics["n/failed"] == 1
    fewer = report_of(outputs)
    fewer.children = fewer.children[:2]
    open_parent(outputs).finish(fewer, "FINISHED")
    metrics = parents(outputs)[0].data.metrics
    assert (metrics["n/finished"], metrics["n/failed"]) == (2, 0)
    assert metrics["best/val_accuracy"] == fewer.best_value
    assert metrics["val/accuracy_mean"] == fewer.configurations[0].metric.mean
