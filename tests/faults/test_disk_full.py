"""Promise: a full disk ends no training, damages nothing that was written before, and is told: the path, what was needed, and a
non-zero exit code. A real file system that is full, and a real limit to the size of files."""

import resource
import shlex
import shutil
import subprocess

import pytest
from commands import finish, train

from mnist_np.storage.tensorfile import open_tensors

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


def on_a_small_disk(size, into, *overrides):
    """Exit code and words of a run whose outputs lie on a file system of ``size``; what it left is copied to ``into``."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs Linux user namespaces (unshare -rm)")
    disk = into.with_name("disk")
    disk.mkdir()
    into.mkdir()
    command = shlex.join(train(disk, *overrides))
    script = f"mount -t tmpfs -o size={size} tmpfs {disk} && {{ {command}; code=$?; cp -r {disk}/. {into}; exit $code; }}"
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
    assert err.rstrip().endswith("training.resume=auto writes what is missing, once the cause is gone.")
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
