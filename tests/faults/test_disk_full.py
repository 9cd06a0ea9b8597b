"""Promise: a full disk ends no training, damages nothing that was written before, and is told: the path, what was needed, and a
non-zero exit code. A real file system that is full, and a real limit to the size of files."""

import json
import resource
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest
from commands import finish, train

from mnist_np.cli.train import main
from mnist_np.commands.sync import sync
from mnist_np.storage.tensorfile import open_tensors
from mnist_np.tracking.database import make_ready

pytestmark = pytest.mark.fault

SMALL = ["data=synthetic", "model.hidden=[128,64]", "training.epochs=3", "training.select=last"]
"""A checkpoint of this takes 138,000 bytes, the weights file 70,000."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The bytes of the weights file that there should be."""
    outputs = tmp_path_factory.mktemp("roomy")
    finish(train(outputs, *SMALL, "tracking=off", "tracking.figures=false"))
    (path,) = outputs.glob("runs/*/*/weights.safetensors")
    return path.read_bytes()


def on_a_small_disk(size, into, *overrides, before=None):
    """Exit code and words of a run whose outputs lie on a file system of ``size``; what it left is copied to ``into``.

    ``before`` is what lies there already.
    """
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs Linux user namespaces (unshare -rm)")
    disk = into.with_name("disk")
    disk.mkdir()
    into.mkdir()
    command = shlex.join(train(disk, *overrides))
    filled = f"cp -r {before}/. {disk} && " if before else ""
    script = f"mount -t tmpfs -o size={size} tmpfs {disk} && {filled}{{ {command}; code=$?; cp -r {disk}/. {into}; exit $code; }}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("size", "kept"), [("300k", ["step-0000000016", "step-0000000008"]), ("40k", [])])
def test_no_room_for_checkpoints_and_weights(size, kept, weights, tmp_path):
    code, out, err = on_a_small_disk(size, tmp_path / "left", *SMALL, "tracking=off")
    assert code == 1
    assert "3/3" in out, "the training goes on to its end"
    assert "finished" in out
    assert "Traceback" not in err
    assert err.count("ERROR") == 2, "each cause is told once, however many epochs it lasts"
    for name in ("checkpoints/step-00000000", "weights.safetensors"):
        assert f"/{name}" in err
    assert "bytes: No space left on device" in err
    advice = "training.resume=auto writes what is missing" if kept else "no checkpoint to go on from: train it again"
    assert err.rstrip().endswith(f"{advice}, once the cause is gone.")
    (folder,) = (tmp_path / "left").glob("runs/*/*")
    found = sorted(folder.glob("checkpoints/step-*"), reverse=True)
    assert [path.stem for path in found] == kept
    for path in found:
        assert open_tensors(path).arrays()
    assert not list(folder.rglob("*.tmp"))
    assert (folder / "history.csv").read_text().count("\n") == 1 + 3
    if kept:
        finish(train(tmp_path / "left", *SMALL, "tracking=off", "tracking.figures=false", "training.resume=auto"))
        assert (folder / "weights.safetensors").read_bytes() == weights


def test_no_room_for_the_figures(weights, tmp_path):
    code, out, err = on_a_small_disk("500k", tmp_path / "left", *SMALL, "tracking=off")
    assert (code, "finished" in out) == (1, True)
    assert "Traceback" not in err
    assert "could not be drawn: [Errno 28] cannot write" in err
    (path,) = (tmp_path / "left").glob("runs/*/*/weights.safetensors")
    assert path.read_bytes() == weights
    assert (path.parent / "result.json").exists()


def test_no_room_for_the_tracker(weights, tmp_path):
    code, out, err = on_a_small_disk("1300k", tmp_path / "left", *SMALL, "tracking.figures=false")
    assert (code, "finished" in out) == (1, True), err
    assert "Traceback" not in err
    assert "database or disk is full" in err or "No space left on device" in err


def test_no_room_at_the_very_beginning(tmp_path):
    code, out, err = on_a_small_disk("4k", tmp_path / "left", *SMALL, "tracking=off")
    assert code != 0
    assert "Traceback" not in err
    assert "No space left on device" in err
    assert "epoch" not in out


def test_files_may_not_grow_so_large(weights, tmp_path):
    """A quota in small: no file of more than 100,000 bytes."""
    done = subprocess.run(
        train(tmp_path, *SMALL, "tracking=off", "tracking.figures=false"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Checkpointer.on_epoch failed" in done.stderr
    assert "cannot write 13" in done.stderr
    assert "File too large" in done.stderr
    (path,) = tmp_path.glob("runs/*/*/weights.safetensors")
    assert path.read_bytes() == weights


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Outputs with an MLflow store in which there is no run yet: to make one takes seconds, and is tested elsewhere."""
    outputs = tmp_path_factory.mktemp("store")
    make_ready(outputs / "mlflow.db")
    return outputs


ROOM = list(range(8, 400, 8))
"""Kilobytes beside the store: from too little for a first file to enough for all."""
USUAL = (24, 104)


@pytest.mark.parametrize("room", [pytest.param(r, marks=[] if r in USUAL else pytest.mark.slow) for r in ROOM])
def test_a_disk_that_fills_at_any_write(room, store, weights, tmp_path):
    """The run says so, with another exit code than 0. With room again, the same command makes it whole, or `sync` does where the
    checkpoints alone had no room: MLflow has one finished run, with every number once, and none called running for ever."""
    size = (store / "mlflow.db").stat().st_size // 1024
    left = tmp_path / "left"
    words = [*SMALL, "tracking.figures=false"]
    code, _, err = on_a_small_disk(f"{size + room}k", left, *words, before=store)
    assert "Traceback" not in err
    assert (code == 0) == (not err)
    if "Result and weights are there" in err:
        (folder,) = left.glob("runs/*/*")
        sync(folder, left)
    else:
        assert main([f"outputs={left}", *words, "training.resume=auto"]) == 0
    finished = [path.parent for path in left.glob("runs/*/*/result.json") if json.loads(path.read_text())["status"] == "finished"]
    assert [(folder / "weights.safetensors").read_bytes() for folder in finished] == [weights]
    assert [path for path in left.rglob("*.json") if not path.read_text()] == []
    with closing(sqlite3.connect(left / "mlflow.db")) as database:
        runs = database.execute("select status from runs").fetchall()
        counts = database.execute(
            "select key, step, count(*) from metrics where key not like 'time/%' group by run_uuid, key, step"
        ).fetchall()
    assert runs.count(("FINISHED",)) == 1
    assert set(runs) <= {("FINISHED",), ("KILLED",), ("FAILED",)}
    assert [row for row in counts if row[2] > 1] == []
    assert {("test/accuracy", 0), ("train/loss", 1), ("train/loss", 3)} <= {row[:2] for row in counts}


def test_a_search_whose_disk_fills_ends_in_a_line_and_goes_on_with_its_trials(tmp_path):
    search = ["hydra/sweeper=search", "-m", "data=synthetic", "data.examples=160", "data.validation_size=32", "tracking=off"]
    search += ["tracking.figures=false", "training.epochs=2", "optimizer.lr=tag(log,interval(0.01,1))", "model.hidden=[4]"]
    code, _, err = on_a_small_disk("100k", tmp_path / "left", *search, "sweep.search.trials=12")
    assert code == 1
    assert "Traceback" not in err
    assert "No space left on device" in err
    (journal,) = (tmp_path / "left").glob("sweeps/*/study.journal")
    assert all(json.loads(line) for line in journal.read_text().splitlines())
    before = journal.read_bytes()
    finish(train(tmp_path / "left", *search, "sweep.search.trials=12"))
    assert journal.read_bytes().startswith(before)
    assert len(list(journal.parent.glob("*/result.json"))) == 12
