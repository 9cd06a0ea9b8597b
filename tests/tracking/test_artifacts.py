"""A run's files are on disk once, and whatever becomes of one side, the other stays as it was."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from mnist_np.api import run
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking.artifacts import local_folder, log_path
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.training.events import Observer, StopTraining

SENT = {"config.yaml", "history.csv", "weights.safetensors", "per_class.json", "result.json"}


class Stop(Observer):
    """Ends the training after epoch 2, as a signal does."""

    def on_epoch(self, event):
        if event.epoch == 2:
            raise StopTraining("killed", "because the test says so")


class Look(Observer):
    """Calls a function after each epoch."""

    def __init__(self, look):
        self.look = look

    def on_epoch(self, event):
        self.look()


@pytest.fixture
def train(outputs, folder, experiment):
    def train(*others, tracking=None):
        observers = [RunFolder(folder, figures=False), MlflowObserver(tracking or Tracking(), outputs, folder)]
        return run(experiment, [*observers, *others])

    return train


def artifacts(store, folder) -> Path:
    return local_folder(store.client.get_run(Ledger.read(folder).run_id).info.artifact_uri)


def contents(place: Path) -> dict[str, bytes]:
    """The files there by name, without the patch that a run of an edited checkout leaves."""
    files = (path for path in place.rglob("*") if path.is_file() and path.name != "source.diff")
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


def test_the_files_are_there_once(train, store, folder, tmp_path):
    train(tracking=Tracking(model="always"))
    place = artifacts(store, folder)
    assert contents(place).keys() == SENT
    assert all(os.path.samefile(place / name, folder / name) for name in SENT)
    (model,) = store.client.search_logged_models(
        [Ledger.read(folder).experiment_id], f"source_run_id = '{Ledger.read(folder).run_id}'"
    )
    there = local_folder(model.artifact_location)
    assert os.path.samefile(there / "model.safetensors", folder / "model" / "model.safetensors")
    assert contents(there) == contents(folder / "model")
    assert {item.path for item in store.client.list_artifacts(Ledger.read(folder).run_id)} >= SENT
    got = Path(store.client.download_artifacts(Ledger.read(folder).run_id, "weights.safetensors", str(tmp_path)))
    assert got.read_bytes() == (folder / "weights.safetensors").read_bytes()
    assert not os.path.samefile(got, folder / "weights.safetensors")


@pytest.mark.parametrize("deleted", ["the run's folder", "the artifacts"])
def test_a_deleted_side_leaves_the_other(deleted, train, store, folder):
    train()
    place = artifacts(store, folder)
    gone, left = (folder, place) if deleted == "the run's folder" else (place, folder)
    before = contents(left)
    shutil.rmtree(gone)
    assert contents(left) == before
    assert before.keys() >= SENT


def test_a_run_that_goes_on_changes_no_artifact_until_it_sends_it_anew(train, store, folder):
    train(Stop())
    place, seen = artifacts(store, folder), []
    before = contents(place)
    assert before.keys() >= {"history.csv", "result.json"}
    train(Look(lambda: seen.append(contents(place))))
    assert len(seen) == 3
    assert all(content["history.csv"] == before["history.csv"] for content in seen)  # the run appends to its own meanwhile
    assert all(content["result.json"] == before["result.json"] for content in seen)
    after = contents(place)
    assert after["history.csv"] == (folder / "history.csv").read_bytes() != before["history.csv"]
    assert os.path.samefile(place / "history.csv", folder / "history.csv")
    assert after.keys() == SENT  # nothing of the replacing is left


def test_what_mlflow_writes_leaves_the_run_as_it_was(train, store, folder, tmp_path):
    train()
    before, run_id = contents(folder), Ledger.read(folder).run_id
    (tmp_path / "config.yaml").write_text("seed: 1")
    store.client.log_artifact(run_id, str(tmp_path / "config.yaml"))
    store.client.log_text(run_id, "lost", "result.json")
    assert contents(folder) == before
    assert contents(artifacts(store, folder))["config.yaml"] == b"seed: 1"


def test_what_cannot_be_linked_is_copied(train, store, folder, monkeypatch):
    """As on another file system."""

    def refused(*arguments, **keywords):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refused)
    train(tracking=Tracking(model="always"))
    place = artifacts(store, folder)
    assert contents(place) == {name: content for name, content in contents(folder).items() if name in SENT}
    assert not any(os.path.samefile(place / name, folder / name) for name in SENT)
    train()  # again, over the copies
    assert contents(place)["history.csv"] == (folder / "history.csv").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="there is no such owner")
def test_files_of_others_are_copied(train, store, folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(__file__).st_uid + 1)
    train()
    assert not os.path.samefile(artifacts(store, folder) / "weights.safetensors", folder / "weights.safetensors")


def test_a_folder_is_sent_again(store, outputs, tmp_path):
    """Its changed files take the place of those before; one that is a copy, as of a folder moved meanwhile, becomes a link."""
    made = store.client.create_run(store.experiment_id("again")).info
    pictures, place = tmp_path / "figures", local_folder(made.artifact_uri) / "figures"
    (pictures / "inside").mkdir(parents=True)
    for text in ("first", "second"):
        for name in ("a.png", "inside/b.png"):
            (pictures / name).unlink(missing_ok=True)
            (pictures / name).write_text(text)
        for _ in range(2):
            log_path(store.client, made.run_id, made.artifact_uri, pictures, "figures")
        assert contents(place) == {"a.png": text.encode(), "inside/b.png": text.encode()}
    store.client.log_artifacts(made.run_id, str(pictures), "copied")
    log_path(store.client, made.run_id, made.artifact_uri, pictures, "copied")
    assert os.path.samefile(place.parent / "copied" / "a.png", pictures / "a.png")


def test_addresses():
    assert local_folder(Path("/a b/c#d").as_uri()) == Path("/a b/c#d")
    assert local_folder("/plain/path") == Path("/plain/path")
    assert [local_folder(uri) for uri in ("mlflow-artifacts:/1/2", "s3://bucket/1", "file://elsewhere/1", "relative")] == [
        None
    ] * 4
