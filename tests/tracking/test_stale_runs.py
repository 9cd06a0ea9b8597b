"""Runs that a killed process left RUNNING."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_sweep import open_parent, report_of, train

from mnist_np.tracking.journal import Journal
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import store_of

pytestmark = pytest.mark.fault

KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
from pathlib import Path
import small_sweep
from mnist_np.tracking.observer import MlflowObserver
epochs = MlflowObserver.on_epoch
def die(self, event):
    epochs(self, event)
    os.kill(os.getpid(), signal.SIGKILL)
MlflowObserver.on_epoch = die
parent = small_sweep.open_parent(Path({outputs!r}))
small_sweep.train(Path({outputs!r}), parent.run_id, "sgd", 16, 0)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """A store in which a process was killed in the middle of a sweep's run."""
    path = tmp_path_factory.mktemp("killed")
    code = KILLED.format(here=str(Path(__file__).parent), outputs=str(path))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return path


@pytest.fixture
def outputs(killed, tmp_path) -> Path:
    """A copy of it: making a store takes seconds."""
    return shutil.copytree(killed, tmp_path / "outputs")


def runs(outputs: Path) -> dict[str, str]:
    store = store_of(Tracking(), outputs)
    found = store.client.search_runs([store.experiment_id("mnist-np")])
    return {run.data.tags["sweep_role"]: run.info.status for run in found}


def test_the_dead_are_marked_and_go_on(outputs):
    assert runs(outputs) == {"parent": "RUNNING", "child": "RUNNING"}
    parent = open_parent(outputs)  # reaps
    assert runs(outputs) == {"parent": "RUNNING", "child": "KILLED"}
    assert mark_stale_runs(parent.store, [parent.experiment_id]) == []  # we live
    train(outputs, parent.run_id, "sgd", 16, 0)
    parent.finish(report_of(outputs), "FINISHED")
    assert runs(outputs) == {"parent": "FINISHED", "child": "FINISHED", "replaced": "KILLED"}


def test_without_going_on(outputs):
    store = store_of(Tracking(), outputs)
    assert len(mark_stale_runs(store, [store.experiment_id("mnist-np")])) == 2
    assert runs(outputs) == {"parent": "KILLED", "child": "KILLED"}
    child = store.client.search_runs([store.experiment_id("mnist-np")], "tags.sweep_role = 'child'")[0]
    assert child.data.tags["reason"] == "its process was killed"
    assert child.data.metrics["val/accuracy"] >= 0  # what it had logged is there


@pytest.mark.parametrize("left", ["no answer", "no journal", "no ledger and no journal"])
def test_whatever_is_left_of_a_dead_run_it_is_marked(left, outputs):
    """Killed before the tracker's answer came: the run is found by its key, and gets all that its journal holds."""
    folder = next(outputs.glob("sweeps/*/*/journal.jsonl")).parent
    ledger = json.loads((folder / "tracking.json").read_text())
    (folder / "tracking.json").write_text(json.dumps(ledger | {"run_id": None, "offset": 0}))
    if left != "no answer":
        (folder / "journal.jsonl").unlink()
    if left == "no ledger and no journal":
        (folder / "tracking.json").unlink()
    store = store_of(Tracking(), outputs)
    mark_stale_runs(store, [store.experiment_id("mnist-np")])
    assert runs(outputs) == {"parent": "KILLED", "child": "KILLED"}
    child = store.client.get_run(ledger["run_id"])
    assert child.data.tags["status"] == "killed"
    if left == "no answer":
        assert child.data.metrics["val/accuracy"] >= 0
        assert child.data.tags["reason"] == "its process was killed"


def test_a_run_whose_end_was_only_not_delivered_keeps_its_own_end(outputs):
    folder = next(outputs.glob("sweeps/*/*/journal.jsonl")).parent
    Journal(folder).append("end", status="FINISHED")
    store = store_of(Tracking(), outputs)
    mark_stale_runs(store, [store.experiment_id("mnist-np")])
    assert runs(outputs)["child"] == "FINISHED"


def test_runs_of_another_machine_are_let_be(outputs):
    ledger = next(outputs.glob("sweeps/*/*/tracking.json"))
    run_id = json.loads(ledger.read_text())["run_id"]
    store = store_of(Tracking(), outputs)
    store.client.set_tag(run_id, "run_folder", "sweeps/elsewhere")
    mark_stale_runs(store, [store.experiment_id("mnist-np")])
    assert runs(outputs)["child"] == "RUNNING"


def statuses(store):
    found = store.client.search_runs([store.experiment_id("mnist-np")])
    return sorted((run.info.status, run.data.tags["sweep_role"]) for run in found)


def test_runs_of_other_outputs_in_the_same_store_are_let_be(outputs, tmp_path):
    """Their folders may have the names of ours: those of the same sweep do."""
    shared = Tracking(uri=f"sqlite:///{outputs}/mlflow.db")
    other = tmp_path / "other"
    parent = open_parent(other)
    train(other, parent.run_id, "sgd", 16, 0)
    store = store_of(shared, other)
    assert [path.name for path in other.glob("sweeps/*/*/tracking.json")] == ["tracking.json"]
    assert mark_stale_runs(store, [store.experiment_id("mnist-np")]) == []
    assert statuses(store) == [("RUNNING", "child"), ("RUNNING", "parent")]
    assert len(mark_stale_runs(store_of(Tracking(), outputs), [store.experiment_id("mnist-np")])) == 2


@pytest.mark.parametrize("where", ["..", "/", "../elsewhere"])
def test_no_tag_leads_to_a_folder_of_others(where, outputs, tmp_path):
    for name in ("elsewhere", "other"):
        (tmp_path / name).mkdir()
    store = store_of(Tracking(uri=f"sqlite:///{outputs}/mlflow.db"), tmp_path / "other")
    for run in store.client.search_runs([store.experiment_id("mnist-np")]):
        store.client.set_tag(run.info.run_id, "run_folder", where)
    assert mark_stale_runs(store, [store.experiment_id("mnist-np")]) == []
    assert not list(tmp_path.glob(".tracking.lock"))
    assert not list(tmp_path.glob("elsewhere/*"))


def test_a_dead_run_whose_files_are_broken_keeps_none_of_the_others_running(outputs):
    folder = next(outputs.glob("sweeps/*/*/journal.jsonl")).parent
    (folder / "journal.jsonl").unlink()
    (folder / "journal.jsonl").mkdir()
    store = store_of(Tracking(), outputs)
    mark_stale_runs(store, [store.experiment_id("mnist-np")])
    assert runs(outputs) == {"parent": "KILLED", "child": "RUNNING"}
