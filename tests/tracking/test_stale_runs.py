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
