"""Promise: a run that is killed (SIGKILL: no farewell) at any moment, and continued, ends with the weights of the run that was
not, to the bit. Real processes, with dropout, augmentation, mixup, averaging, batch norm and a schedule on."""

import json
import random
import signal
import sqlite3
import time

import pytest
from commands import EVERYTHING_ON, finish, start, train

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The bytes of the uninterrupted run's weights file, and the seconds that its process lived."""
    outputs = tmp_path_factory.mktemp("uninterrupted")
    began = time.perf_counter()
    finish(train(outputs, *EVERYTHING_ON, "tracking=off"))
    (weights,) = outputs.glob("runs/*/*/weights.safetensors")
    return weights.read_bytes(), time.perf_counter() - began


def kill_after(seconds, command):
    """Kill the process of ``command`` then, unless it has come to its end already."""
    process = start(command)
    time.sleep(seconds)
    process.kill()
    assert process.wait() in (-signal.SIGKILL, 0)


def kill_while_writing(outputs, command):
    """Kill it while a checkpoint is half written: its temporary file is there, and the rename is still to come."""
    process = start(command)
    while process.poll() is None:
        if next(outputs.glob("runs/*/*/checkpoints/.step-*.tmp"), None):
            process.kill()
    process.wait()
    return process.returncode == -signal.SIGKILL


def assert_goes_on_to(expected, outputs, *overrides):
    """``training.resume=auto`` ends in the expected weights, and leaves nothing behind that is half done."""
    finish(train(outputs, *EVERYTHING_ON, *(overrides or ["tracking=off"]), "training.resume=auto"))
    finished = list(outputs.glob("runs/*/*/weights.safetensors"))
    assert finished
    assert all(path.read_bytes() == expected for path in finished)
    assert not list(outputs.glob("runs/*/*/checkpoints/step-*"))
    assert not [path for path in outputs.rglob("*.tmp") if path.parent in {weights.parent for weights in finished}]


MOMENTS = [(i + random.Random(i).random()) / 20 for i in range(20)]
"""Shares of the process's life: in each twentieth one at random."""


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[] if i in (9, 14, 18) else pytest.mark.slow) for i, m in enumerate(MOMENTS)]
)
def test_killed_at_any_moment(moment, uninterrupted, tmp_path):
    expected, seconds = uninterrupted
    kill_after(moment * seconds, train(tmp_path, *EVERYTHING_ON, "tracking=off"))
    assert_goes_on_to(expected, tmp_path)


def test_killed_within_the_writing_of_a_checkpoint(uninterrupted, tmp_path):
    expected, _ = uninterrupted
    command = train(tmp_path, *EVERYTHING_ON, "tracking=off", "training.resume=auto")
    kills = sum(kill_while_writing(tmp_path, command) for _ in range(3))
    assert kills == 3
    assert_goes_on_to(expected, tmp_path)


def test_killed_again_and_again(uninterrupted, tmp_path):
    """Each life is a little too short; the folder stays the same from the first checkpoint on."""
    expected, seconds = uninterrupted
    command = train(tmp_path, *EVERYTHING_ON, "tracking=off", "training.resume=auto")
    for _ in range(3):
        kill_after(0.7 * seconds, command)
    assert_goes_on_to(expected, tmp_path)


def run_id(outputs):
    """The MLflow id of the only run, if it has one."""
    (ledger,) = outputs.glob("runs/*/*/tracking.json")
    return json.loads(ledger.read_text())["run_id"]


@pytest.mark.parametrize("known", [False, True])
def test_a_tracked_run_stays_the_same_run_in_mlflow(known, uninterrupted, tmp_path):
    """Its id, each epoch's metrics once, and the status of its end; whether MLflow knew of it or not when it was killed."""
    expected, _ = uninterrupted
    process = start(train(tmp_path, *EVERYTHING_ON))
    while process.poll() is None and not (list(tmp_path.glob("runs/*/*/checkpoints/step-*")) and (not known or run_id(tmp_path))):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the test must see a run that was cut off"
    before = run_id(tmp_path)
    assert_goes_on_to(expected, tmp_path, "tracking=sqlite")
    store = sqlite3.connect(tmp_path / "mlflow.db")
    assert store.execute("select run_uuid, status from runs").fetchall() == [(before or run_id(tmp_path), "FINISHED")]
    steps = store.execute("select step from metrics where key = 'train/loss' order by step").fetchall()
    assert steps == [(1,), (2,), (3,), (4,)]
    assert store.execute("select value from tags where key = 'status'").fetchall() == [("finished",)]
    store.close()


def test_a_run_is_continued_by_its_mlflow_id_and_by_its_folder(uninterrupted, tmp_path):
    expected, _ = uninterrupted
    process = start(train(tmp_path, *EVERYTHING_ON, "tracking=off"))
    while not list(tmp_path.glob("runs/*/*/checkpoints/step-*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.wait()
    (folder,) = tmp_path.glob("runs/*/*")
    (folder / "tracking.json").write_text(json.dumps({"run_id": "0123abcd"}))
    assert json.loads((folder / "result.json").read_text())["status"] == "killed"
    other = finish(train(tmp_path, *EVERYTHING_ON, "tracking=off", "training.resume=0123abcd", "optimizer.lr=0.5"), code=2)
    assert "optimizer.lr: 0.001 there, 0.5 here" in other
    nobody = finish(train(tmp_path, *EVERYTHING_ON, "tracking=off", "training.resume=4567"), code=2)
    assert "training.resume=4567: must be auto, never, a run's folder, or the MLflow run id of a run under" in nobody
    assert list(tmp_path.glob("runs/*/*")) == [folder]
    finish(train(tmp_path, *EVERYTHING_ON, "tracking=off", "training.resume=0123abcd"))
    assert (folder / "weights.safetensors").read_bytes() == expected
    assert json.loads((folder / "result.json").read_text())["status"] == "finished"
    ended = finish(train(tmp_path, *EVERYTHING_ON, "tracking=off", f"training.resume={folder}"), code=2)
    assert "holds no checkpoint: this run has ended (finished)" in ended
