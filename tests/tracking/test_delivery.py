"""Nothing is lost and nothing is logged twice, whatever becomes of the tracker while the network trains."""

import logging
import shutil
import sqlite3
import sys
import threading
import time

import pytest

from mnist_np.api import run
from mnist_np.commands import sync
from mnist_np.files import near
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import background, delivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.training.events import Observer


class At(Observer):
    """Does something after an epoch."""

    def __init__(self, **deeds):
        self.deeds = {int(key[1:]): deed for key, deed in deeds.items()}

    def on_epoch(self, event):
        self.deeds.get(event.epoch, lambda: None)()


@pytest.fixture
def train(outputs, folder, experiment):
    def train(*others):
        return run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder), *others])

    return train


@pytest.fixture
def impatient(monkeypatch):
    """Waits for nothing: each epoch tries anew, and the end gives up at once."""
    monkeypatch.setattr(background, "SHARE", 0)
    monkeypatch.setattr(background, "EVERY", 0)
    monkeypatch.setattr(background, "LOCKED", 0.5)
    monkeypatch.setattr("mnist_np.tracking.observer.TIMEOUT", 2)


def wait_for_delivery(folder):
    """Until MLflow has all that the run has said, and the thread that told it is over."""
    deadline = time.monotonic() + 20
    while Ledger.read(folder).offset < Journal(folder).size or any(t.name == "delivery" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def steps(store, folder, key="train/loss"):
    return [metric.step for metric in store.client.get_metric_history(Ledger.read(folder).run_id, key)]


def state(store, folder):
    """All that MLflow knows of the run, but for when it was last touched."""
    run = store.client.get_run(Ledger.read(folder).run_id)
    history = {
        key: [(m.step, m.value, m.timestamp) for m in store.client.get_metric_history(run.info.run_id, key)]
        for key in run.data.metrics
    }
    return run.info.status, run.data.params, run.data.tags, history, [i.dataset.digest for i in run.inputs.dataset_inputs]


def test_a_database_locked_in_mid_run_loses_nothing_and_does_not_stall(train, store, folder, impatient, caplog):
    train()  # the store is there, and warm
    shutil.rmtree(folder)
    database = sqlite3.connect(store.database, isolation_level=None)
    locked = At(
        e1=lambda: (wait_for_delivery(folder), database.execute("BEGIN EXCLUSIVE")),
        e2=lambda: time.sleep(2 * background.LOCKED),
        e3=lambda: database.execute("ROLLBACK"),
    )
    began = time.monotonic()
    train(locked)
    assert time.monotonic() - began < 10, "MLflow itself would wait 20 s for the lock"
    database.close()
    assert steps(store, folder) == [1, 2, 3]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1, "it is told once"
    assert "is locked by another program. Training goes on; the metrics are kept in" in warnings[0]


def test_what_is_undelivered_at_the_end_is_synced_later(train, store, folder, impatient, caplog, capsys, monkeypatch):
    train()
    shutil.rmtree(folder)
    database = sqlite3.connect(store.database, isolation_level=None)
    train(At(e2=lambda: database.execute("BEGIN EXCLUSIVE")))
    assert f" sync {near(folder)}" in caplog.text
    monkeypatch.setattr(sync, "TIMEOUT", 2)
    with pytest.raises(TrackingError, match="locked"):
        sync.sync(folder, store.outputs)
    database.close()
    assert store.client.get_run(Ledger.read(folder).run_id).info.status == "RUNNING"

    monkeypatch.setattr(sys, "argv", ["sync.py", str(folder.parent / folder.name), "--outputs", str(store.outputs)])
    assert sync.main() == 0
    assert "records delivered" in capsys.readouterr().out
    assert steps(store, folder) == [1, 2, 3]
    assert store.client.get_run(Ledger.read(folder).run_id).info.status == "FINISHED"
    artifacts = {file.path for file in store.client.list_artifacts(Ledger.read(folder).run_id)}
    assert {"config.yaml", "history.csv", "weights.safetensors", "result.json"} <= artifacts

    assert sync.main() == 0
    assert "was complete already" in capsys.readouterr().out


def test_a_journal_delivered_twice_is_the_same_as_once(train, store, folder):
    """As if every acknowledgement but the first had been lost."""
    train()
    once = state(store, folder)
    ledger = Ledger.read(folder)
    ledger.offset = 0
    ledger.write(folder)
    sync.sync(folder, store.outputs)
    assert state(store, folder) == once


def test_a_run_whose_creation_was_not_answered_is_not_created_twice(train, store, folder, experiment, outputs):
    train()
    ledger = Ledger.read(folder)
    before, ledger.run_id, ledger.offset = ledger.run_id, None, 0
    ledger.write(folder)
    sync.sync(folder, store.outputs)
    assert Ledger.read(folder).run_id == before


def test_a_tracker_that_is_not_required_may_be_away_from_the_start(experiment, outputs, folder, caplog, impatient):
    tracking = Tracking(backend="server", uri="http://127.0.0.1:9", required=False)
    result = run(experiment, [RunFolder(folder, figures=False), MlflowObserver(tracking, outputs, folder)])
    assert result.status == "finished"
    assert "no answer (connection refused)" in caplog.text
    kinds = [record["kind"] for record, _ in Journal(folder).read()]
    assert kinds == ["start", "files", "metrics", "metrics", "metrics", "metrics", "files", "model", "tags", "end"]


def test_a_tracker_that_is_required_stops_the_run_before_it_begins(outputs, folder):
    with pytest.raises(TrackingError, match=r"http://127.0.0.1:9 cannot be used: no answer .* tracking.required=false"):
        MlflowObserver(Tracking(backend="server", uri="http://127.0.0.1:9"), outputs, folder)
    assert not folder.exists()


def test_a_run_that_was_killed_without_a_word_is_killed_in_mlflow_too(train, store, folder):
    train()
    journal = Journal(folder)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[:4]) + lines[4][:30])  # in the midst of the second epoch's line
    (folder / "result.json").unlink()
    ledger = Ledger.read(folder)
    ledger.run_id, ledger.offset, ledger.key, ledger.asked = None, 0, "another", False
    ledger.write(folder)
    sync.sync(folder, store.outputs)
    logged = store.client.get_run(Ledger.read(folder).run_id)
    assert logged.info.status == logged.data.tags["status"].upper() == "KILLED"
    assert steps(store, folder) == [1, 2]


def test_a_folder_without_runs_is_told_plainly(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sync.py", str(tmp_path)])
    assert sync.main() == 1
    assert capsys.readouterr().err == f"error: no tracked run in {tmp_path}\n"


def test_epochs_of_milliseconds_go_to_the_tracker_together(train, store, folder, monkeypatch):
    sent = []
    send = delivery.Delivery.send
    monkeypatch.setattr(delivery.Delivery, "send", lambda self, records: (sent.append(len(records)), send(self, records)))
    monkeypatch.setattr(background, "EVERY", 1000)
    train()
    assert sent == [1, 1, 4, 1, 1, 1, 1], "start and files at once, all metrics with the end, files, model, tags, end"
    assert steps(store, folder) == [1, 2, 3]


def test_more_metrics_than_mlflow_takes_at_once_are_all_logged(train, store, folder):
    train()
    journal = Journal(folder)
    journal.append("metrics", step=4, metrics={f"layers/{i}/norm": float(i) for i in range(1500)})
    sync.sync(folder, store.outputs)
    logged = store.client.get_run(Ledger.read(folder).run_id).data.metrics
    assert [logged[f"layers/{i}/norm"] for i in (0, 999, 1000, 1499)] == [0, 999, 1000, 1499]
