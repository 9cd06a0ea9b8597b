"""The second store of a user is a copy of an empty one, unless that one is not what it should be."""

import os
import sqlite3
import sys

import pytest
from mlflow.store.db import utils

from mnist_np.tracking import empty_store
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """The file that the first store leaves in the cache."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_NP_CACHE", str(folder / "cache"))
        store_of(Tracking(), folder / "outputs").open()
        return empty_store.cached_file()


@pytest.fixture
def here(cached, tmp_path, monkeypatch):
    """A copy of it in a cache of its own."""
    monkeypatch.setenv("MNIST_NP_CACHE", str(tmp_path / "cache"))
    path = empty_store.cached_file()
    path.parent.mkdir()
    path.write_bytes(cached.read_bytes())
    path.chmod(0o600)
    return path


@pytest.fixture
def migrated(monkeypatch):
    """A list that grows with each store for which MLflow makes the tables."""
    found, make = [], utils._initialize_tables
    monkeypatch.setattr(utils, "_initialize_tables", lambda engine: (found.append(engine), make(engine)))
    return found


def usable(outputs):
    store = store_of(Tracking(), outputs)
    run_id = store.client.create_run(store.experiment_id("mnist-np")).info.run_id
    default = store.client.get_experiment("0")
    return store.client.get_run(run_id).info.status == "RUNNING" and default.name == "Default"


def test_a_further_store_is_a_copy(here, migrated, tmp_path):
    assert usable(tmp_path / "one")
    assert usable(tmp_path / "two")
    assert not migrated


def test_nothing_of_the_first_ones_user_is_in_it(cached):
    rows = sqlite3.connect(f"file:{cached}?mode=ro", uri=True)
    tables = [name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert {name for name in tables if rows.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()} == {
        "alembic_version",
        "workspaces",
    }
    rows.close()


def older(path):
    with sqlite3.connect(path) as there:
        there.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    there.close()


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


UNFIT = {
    "garbage": lambda path: path.write_bytes(b"x" * 9000),
    "cut": lambda path: os.truncate(path, 300_000),
    "empty": lambda path: os.truncate(path, 0),
    "of another MLflow": older,
    "a link": link,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
if sys.platform != "win32":
    UNFIT["written by others"] = lambda path: path.chmod(0o666)
    UNFIT["in a folder of others"] = lambda path: path.parent.chmod(0o777)


@pytest.mark.parametrize("unfit", UNFIT)
def test_one_that_is_not_what_it_should_be_is_not_used(unfit, here, tmp_path, monkeypatch):
    def make(engine):
        raise RuntimeError("MLflow makes the tables")

    monkeypatch.setattr(utils, "_initialize_tables", make)
    UNFIT[unfit](here)
    with pytest.raises(TrackingError, match="MLflow makes the tables"):
        store_of(Tracking(), tmp_path / "outputs").open()


def test_it_is_replaced_then(here, migrated, tmp_path):
    older(here)
    assert usable(tmp_path / "one")
    assert usable(tmp_path / "two")
    assert len(migrated) == 1


def test_it_works_without_a_cache(monkeypatch, migrated, tmp_path):
    monkeypatch.setenv("MNIST_NP_CACHE", "off")
    assert usable(tmp_path / "outputs")
    assert len(migrated) == 1
