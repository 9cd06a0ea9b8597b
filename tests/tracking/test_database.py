"""The store's file: whole or not there, whatever was left in its place and however its path is written."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from mnist_np.sqlite_uri import sqlite_path, sqlite_uri
from mnist_np.tracking import database
from mnist_np.tracking.client import TrackingError, reconnect
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A new store, to be copied."""
    outputs = tmp_path_factory.mktemp("made")
    store = store_of(Tracking(), outputs)
    store.open()
    reconnect(store.uri)
    return store.database


def usable(outputs, experiment="mnist-np"):
    """That a run can be logged there, with a file."""
    store = store_of(Tracking(), outputs)
    run_id = store.client.create_run(store.experiment_id(experiment)).info.run_id
    (outputs / "hello.txt").write_text("hello")
    store.client.log_artifact(run_id, str(outputs / "hello.txt"))
    assert [file.path for file in store.client.list_artifacts(run_id)] == ["hello.txt"]
    with sqlite3.connect(outputs / "mlflow.db") as there:
        assert (run_id,) in there.execute("SELECT run_uuid FROM runs").fetchall()
    there.close()
    return True


LEFT_BEHIND = {
    "empty": lambda path, made: path.touch(),
    "zeros": lambda path, made: path.write_bytes(bytes(100_000)),
    "cut within the first migration": lambda path, made: half_made(path, made, "experiments", "alembic_version"),
    "cut within a later migration": lambda path, made: half_made(path, made, "tags", revision="451aebb31d03"),
    "a new one that was not renamed": lambda path, made: shutil.copy(made, path.with_name("mlflow.db.new-1")),
    "side files of a deleted one": lambda path, made: [
        path.with_name(f"mlflow.db{end}").write_bytes(b"x" * 9000) for end in ("-wal", "-shm")
    ],
}


def half_made(path, made, *tables, revision=None):
    shutil.copy(made, path)
    with sqlite3.connect(path) as there:
        there.execute("PRAGMA user_version=0")
        there.execute("PRAGMA foreign_keys=OFF")
        for table in tables:
            there.execute(f"DROP TABLE {table}")
        if revision:
            there.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    there.close()


@pytest.mark.parametrize("left", LEFT_BEHIND)
def test_what_a_killed_process_or_a_full_disk_left_is_replaced(left, made, tmp_path, monkeypatch):
    def copy(path):
        """What the making comes to, in no time."""
        shutil.copy(made, path)
        reconnect(sqlite_uri(path))

    if not left.startswith(("a new", "side")):
        monkeypatch.setattr(database, "build", copy)
    LEFT_BEHIND[left](tmp_path / "mlflow.db", made)
    assert usable(tmp_path)
    assert not list(tmp_path.glob("mlflow.db.new*"))


def test_a_store_that_mlflow_made_itself_is_taken_as_it_is(made, tmp_path):
    shutil.copy(made, tmp_path / "mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as there:
        there.execute("PRAGMA user_version=0")
        there.execute("INSERT INTO experiments (name, lifecycle_stage, workspace) VALUES ('theirs', 'active', 'default')")
    there.close()
    store = store_of(Tracking(), tmp_path)
    assert store.find("theirs")
    assert store.open()
    assert store.find("theirs")


@pytest.mark.parametrize("content", [b"\x93" * 5000, b"SQLite format 3\0" + b"\x93" * 5000], ids=["all", "but for the magic"])
def test_a_damaged_store_is_refused_in_one_line_and_kept(content, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(TrackingError) as refused:
        store_of(Tracking(), tmp_path).experiment_id("mnist-np")
    assert "\n" not in str(refused.value)
    assert str(tmp_path / "mlflow.db") in str(refused.value)
    assert (tmp_path / "mlflow.db").read_bytes() == content


@pytest.mark.parametrize("name", ["50%", "a?b", "a#b", "with space", "100%25", "a%3Fb", "é=,+&", "?%#"])
def test_any_name_of_outputs(name, made, tmp_path):
    outputs = tmp_path / name / "outputs"
    outputs.mkdir(parents=True)
    path = outputs / "mlflow.db"
    assert sqlite_path(sqlite_uri(path)) == path
    shutil.copy(made, path)
    assert usable(outputs)
    assert [entry.name for entry in tmp_path.iterdir()] == [name], "no folder of another name is left"


def test_a_store_is_made_under_a_quoted_name(tmp_path):
    outputs = tmp_path / "50% of #1?"
    assert usable(outputs)
    assert [entry.name for entry in tmp_path.iterdir()] == [outputs.name]


def test_a_file_that_was_replaced_is_used_from_then_on(made, tmp_path):
    shutil.copy(made, tmp_path / "mlflow.db")
    assert usable(tmp_path)
    os.replace(shutil.copy(made, tmp_path / "other.db"), tmp_path / "mlflow.db")
    assert usable(tmp_path)
    (tmp_path / "mlflow.db").unlink()
    assert usable(tmp_path)
    os.truncate(tmp_path / "mlflow.db", 0)
    assert usable(tmp_path)


def test_two_stores_are_told_apart_though_the_second_may_get_the_inode_of_the_first(tmp_path):
    for name in ("one", "two"):
        store_of(Tracking(), tmp_path / name).open()
    one, two = (database.identity(tmp_path / name / "mlflow.db") for name in ("one", "two"))
    assert one[2] != two[2]


def test_an_error_while_it_is_made_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(
        database, "mark", lambda path: (_ for _ in ()).throw(sqlite3.OperationalError("database or disk is full"))
    )
    with pytest.raises(TrackingError, match="database or disk is full"):
        store_of(Tracking(), tmp_path).experiment_id("mnist-np")
    assert not list(tmp_path.glob("mlflow.db*"))
    monkeypatch.undo()
    assert usable(tmp_path)


MAKE = """
import sys
from pathlib import Path
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
import mlflow.store.tracking.sqlalchemy_store
print("now", flush=True)
store_of(Tracking(), Path(sys.argv[1])).experiment_id("mnist-np")
print("made", flush=True)
"""


@pytest.mark.fault
@pytest.mark.parametrize("share", [0.5, *(pytest.param(i / 10, marks=pytest.mark.slow) for i in range(1, 11) if i != 5)])
def test_sigkill_while_it_is_made(share, tmp_path):
    """At a share of the time that it takes; the next process is not refused, and nothing half-made is left."""

    def start(outputs):
        environment = os.environ | {"MNIST_NP_CACHE": str(outputs / "cache")}  # where no empty store is
        command = [sys.executable, "-c", MAKE, str(outputs)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout.readline() == "now\n"
        return process

    with start(tmp_path / "timed") as process:
        began = time.perf_counter()
        assert process.stdout.readline() == "made\n"
        seconds = time.perf_counter() - began
    with start(tmp_path / "killed") as process:
        time.sleep(share * seconds)
        process.kill()
    assert process.returncode == -signal.SIGKILL or share >= 0.7
    assert usable(tmp_path / "killed")
    assert not list((tmp_path / "killed").glob("mlflow.db.*"))


OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO experiments (name) VALUES ('other')")
connection.commit()
connection.close()
"""


def test_looking_at_a_store_keeps_the_locks_on_it(made, tmp_path):
    """Another process that closes its connection must not take itself for the last one: it would delete the log in use here."""
    path = tmp_path / "mlflow.db"
    shutil.copy(made, path)
    ours = sqlite3.connect(path)
    ours.execute("INSERT INTO experiments (name) VALUES ('ours')")
    ours.commit()
    assert database.identity(path)
    subprocess.run([sys.executable, "-c", OTHER, path], check=True)
    assert path.with_name("mlflow.db-wal").exists()
    ours.execute("UPDATE experiments SET name = 'ours too' WHERE name = 'ours'")
    ours.commit()
    ours.close()
    with sqlite3.connect(path) as there:
        assert {("ours too",), ("other",)} <= set(there.execute("SELECT name FROM experiments"))
    there.close()


def test_no_descriptors_of_deleted_stores_are_kept(made, tmp_path):
    for number in range(3):
        path = tmp_path / f"{number}.db"
        shutil.copy(made, path)
        assert database.identity(path) == database.identity(path)
        path.unlink()
        assert database.identity(path) is None
    assert len([fd for fd in database._kept.values() if not os.fstat(fd).st_nlink]) <= 1
