"""Promise: whatever becomes of mlflow.db, the training ends, and `sync` brings every run into MLflow, once and whole."""

import os
import random
import shutil
from contextlib import suppress

import pytest

from mnist_np.api import run
from mnist_np.commands.sync import sync
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.sqlite_uri import sqlite_uri
from mnist_np.storage.checkpoint import Checkpointer
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import background, database
from mnist_np.tracking.client import TrackingError, reconnect
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
from mnist_np.training.events import Observer, StopTraining

pytestmark = pytest.mark.fault

EPOCHS = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A new store, made by MLflow."""
    store = store_of(Tracking(), tmp_path_factory.mktemp("made"))
    store.open()
    reconnect(store.uri)
    return store.database


@pytest.fixture
def outputs(made, tmp_path, monkeypatch):
    """Where a new store is a copy of that one: making one takes seconds."""

    def copy(path):
        database.remove(path, database.SIDE_FILES)
        shutil.copy(made, path.with_name("copy"))
        os.replace(path.with_name("copy"), path)
        reconnect(sqlite_uri(path))

    monkeypatch.setattr(database, "build", copy)
    monkeypatch.setattr(background, "EVERY", 0)
    monkeypatch.setattr(background, "SHARE", 0)
    return tmp_path / "outputs"


def fill(path, block):
    """Other bytes in the very file, as a fault of the disk leaves it."""
    with open(path, "r+b") as file:
        for _ in range(os.path.getsize(path) // 4096):
            file.write(block())


noise = random.Random(0)
DAMAGES = {
    "deleted": lambda path, made: path.unlink(),
    "deleted with its side files": lambda path, made: database.remove(path, ("", *database.SIDE_FILES)),
    "emptied": lambda path, made: os.truncate(path, 0),
    "zeroed": lambda path, made: fill(path, lambda: bytes(4096)),
    "random": lambda path, made: fill(path, lambda: noise.randbytes(4096)),
    "random but for the header": lambda path, made: fill_behind(path),
    "replaced": lambda path, made: os.replace(shutil.copy(made, path.with_name("other")), path),
}
REFUSED = ("random", "random but for the header")
"""What is not replaced by a new store unasked: there may be something to be saved from it."""


def fill_behind(path):
    header = path.read_bytes()[:100]
    fill(path, lambda: noise.randbytes(4096))
    with open(path, "r+b") as file:
        file.write(header)


class At(Observer):
    """Does something after an epoch, once what came before has been delivered."""

    def __init__(self, epoch, deed=lambda: None, stop=False):
        self.epoch, self.deed, self.stop = epoch, deed, stop

    def on_epoch(self, event):
        if event.epoch == self.epoch:
            self.tracker.delivery.complete(20)
            self.deed()
            if self.stop:
                raise StopTraining("killed", "SIGTERM")


def train(outputs, folder, *others, resume=False):
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=EPOCHS))
    tracker = MlflowObserver(Tracking(), outputs, folder)
    for other in others:
        other.tracker = tracker
    parts = [RunFolder(folder, figures=False), tracker, *others, Checkpointer(folder / "checkpoints")]
    return run(experiment, parts, resume_from=folder / "checkpoints" if resume else None)


def damage(outputs, how, made):
    DAMAGES[how](outputs / "mlflow.db", made)


def repaired(outputs, folder, how):
    """What a user does then."""
    if how in REFUSED:
        with pytest.raises(TrackingError) if how == "random" else suppress(TrackingError):  # else it may go unnoticed for a while
            sync(folder, outputs)
        for path in outputs.glob("mlflow.db*"):
            path.unlink()
    sync(folder, outputs)
    assert "was complete already" in sync(folder, outputs)


def assert_once_and_whole(outputs, folder, result):
    """MLflow has one run, with every epoch's metrics once, its files and its end."""
    store = store_of(Tracking(), outputs)
    client, ledger = store.client, Ledger.read(folder)
    runs = client.search_runs([store.experiment_id("mnist-np")])
    assert [found.info.run_id for found in runs] == [ledger.run_id]
    assert runs[0].info.status == "FINISHED"
    for key in ("train/loss", "val/accuracy"):
        logged = [(metric.step, metric.value) for metric in client.get_metric_history(ledger.run_id, key)]
        assert logged == [(row["epoch"], row[key]) for row in result.history]
    assert runs[0].data.metrics["test/accuracy"] == result.metrics["test/accuracy"]
    assert {"config.yaml", "weights.safetensors", "result.json"} <= {file.path for file in client.list_artifacts(ledger.run_id)}
    assert runs[0].data.tags.get("former_run_id") == (ledger.former_run_ids or [None])[-1]


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("epoch", [pytest.param(1, marks=pytest.mark.slow), 3, EPOCHS])
def test_in_mid_run(how, epoch, outputs, made):
    folder = outputs / "runs" / "a"
    result = train(outputs, folder, At(epoch, lambda: damage(outputs, how, made)))
    assert result.status == "finished"
    assert not result.failures
    repaired(outputs, folder, how)
    assert_once_and_whole(outputs, folder, result)


@pytest.mark.parametrize("how", DAMAGES)
def test_after_the_run(how, outputs, made):
    folder = outputs / "runs" / "a"
    result = train(outputs, folder)
    before = Ledger.read(folder).run_id
    damage(outputs, how, made)
    repaired(outputs, folder, how)
    assert_once_and_whole(outputs, folder, result)
    after = Ledger.read(folder)
    assert after.former_run_ids == ([] if after.run_id == before else [before])


@pytest.mark.parametrize("how", [how for how in DAMAGES if how not in REFUSED])
def test_before_a_resume(how, outputs, made):
    folder = outputs / "runs" / "a"
    assert train(outputs, folder, At(2, stop=True)).status == "killed"
    damage(outputs, how, made)
    result = train(outputs, folder, resume=True)
    assert result.status == "finished"
    assert_once_and_whole(outputs, folder, result)


@pytest.mark.parametrize("file", ["tracking.json", "run.json", "result.json", "history.csv"])
@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"[]", b'{"run_id": 1}', None])
def test_a_small_file_broken_before_a_resume(file, content, outputs):
    """It stays the same run in MLflow, and each epoch is logged once."""
    folder = outputs / "runs" / "a"
    train(outputs, folder, At(2, stop=True))
    before = Ledger.read(folder).run_id
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    result = train(outputs, folder, resume=True)
    assert_once_and_whole(outputs, folder, result)
    assert Ledger.read(folder).run_id == before


def test_a_journal_lost_before_a_resume(outputs):
    """What it held was delivered; what comes is."""
    folder = outputs / "runs" / "a"
    train(outputs, folder, At(2, stop=True))
    Journal(folder).path.write_bytes(b"")
    result = train(outputs, folder, resume=True)
    assert_once_and_whole(outputs, folder, result)
