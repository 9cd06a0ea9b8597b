"""Promise: a sweep counts what has ended, and the same command does the rest: after full disks, damaged files and kills at
the worst moments. Real processes and a real store."""

import resource
import shutil
import signal
import subprocess
import sys

import pytest
from commands import finish, train
from small_sweeps import QUICK, SMALL, children, results, statuses, summary

from mnist_np.cli.train import main
from mnist_np.storage.run_index import is_final, journal_status

pytestmark = pytest.mark.fault


def limited(command, size):
    """Run the command where no file may grow beyond ``size`` bytes."""
    return subprocess.run(
        command,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=local"]], ids=["here", "local"])
def test_weights_that_cannot_be_written_fail_the_job(tmp_path, launcher):
    large = [*QUICK, "model.hidden=[300,300]", "seed=0,1", "tracking=off", *launcher]  # weights of 570,000 bytes
    done = limited(train(tmp_path, *large), 200_000)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("  failed: seed=") == 2
    assert "weights.safetensors" in done.stdout
    assert "File too large" in done.stdout
    assert "running" not in done.stdout.splitlines()[-4:]
    assert "of 2 runs 2 failed" in done.stderr
    assert statuses(tmp_path) == ["failed", "failed"]
    assert summary(tmp_path)["counts"]["running"] == 0
    finish(train(tmp_path, *large))
    assert statuses(tmp_path) == ["finished", "finished"]


def test_results_that_are_whole_count_and_what_was_lost_is_told(tmp_path):
    """Its checkpoints take 138,000 bytes, its weights 70,000."""
    sweep = [*QUICK, "model.hidden=[128,64]", "seed=0,1", "tracking=off", "training.select=last"]
    done = limited(train(tmp_path, *sweep), 100_000)
    assert "Checkpointer.on_epoch failed" in done.stdout
    assert (done.returncode, "of 2 runs 2 could not write all their files" in done.stderr) == (1, True), done.stderr
    assert statuses(tmp_path) == ["finished", "finished"]
    finish(train(tmp_path, *sweep))


@pytest.mark.parametrize("size", [*(pytest.param(s, marks=pytest.mark.slow) for s in ("4k", "48k")), "24k", "96k"])
def test_a_disk_that_fills_leaves_nothing_that_the_next_start_stumbles_over(size, tmp_path):
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs Linux user namespaces (unshare -rm)")
    disk, left = tmp_path / "disk", tmp_path / "left"
    for folder in (disk, left):
        folder.mkdir()
    command = " ".join(f"'{word}'" for word in train(disk, *SMALL, "tracking=off"))
    script = f"mount -t tmpfs -o size={size} tmpfs {disk} && {{ {command}; code=$?; cp -r {disk}/. {left}; exit $code; }}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, (size, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout, size
    assert "No space left on device" in done.stderr + done.stdout, size
    assert main([f"outputs={left}", *SMALL, "tracking=off"]) == 0
    assert statuses(left) == ["finished", "finished"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tracked sweep of two runs."""
    outputs = tmp_path_factory.mktemp("finished")
    finish(train(outputs, *SMALL))
    return outputs


FILES = [
    "result.json",
    "run.json",
    "tracking.json",
    "history.csv",
    "config.yaml",
    "journal.jsonl",
    "../jobs.jsonl",
    "../summary.json",
]
DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "bytes": lambda path: path.write_bytes(b"\xff\x00" * 99),
    "list": lambda path: path.write_text("[]"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", FILES, ids=lambda name: name.strip("./"))
@pytest.mark.parametrize(
    "damage", ["empty", *(pytest.param(name, marks=pytest.mark.slow) for name in DAMAGES if name != "empty")]
)
def test_a_damaged_small_file_of_a_child_stops_no_sweep(finished, tmp_path, name, damage, capsys):
    outputs = tmp_path / "outputs"
    shutil.copytree(finished, outputs)
    DAMAGES[damage](sorted(outputs.glob("sweeps/*/seed=*"))[0] / name)
    assert main([f"outputs={outputs}", *SMALL, f"tracking.uri=sqlite:///{outputs}/mlflow.db"]) == 0
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert statuses(outputs) == ["finished", "finished"]
    assert all(is_final(folder, tracked=True) for folder in results(outputs))
    found = children(outputs)
    assert sorted(run.data.tags["fingerprint"] for run in found) == sorted(
        child["fingerprint"] for child in summary(outputs)["children"]
    )
    assert {run.info.status for run in found} == {"FINISHED"}


KILLED_BEFORE_THE_JOURNAL_ENDS = """
import os, signal, sys
from mnist_np.cli.train import main
from mnist_np.tracking.observer import MlflowObserver
MlflowObserver.on_end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


@pytest.mark.parametrize("between", ["nothing", "sync", pytest.param("another run", marks=pytest.mark.slow)])
def test_killed_between_result_and_journal_is_not_finished(tmp_path, between):
    command = [sys.executable, "-c", KILLED_BEFORE_THE_JOURNAL_ENDS, f"outputs={tmp_path}", *SMALL]
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode == -signal.SIGKILL
    (folder,) = results(tmp_path)
    assert results(tmp_path)[folder]["status"] == "finished"
    if between == "sync":  # which tells MLflow how the run ended
        script = train(tmp_path)[1].replace("train.py", "sync.py")
        finish([sys.executable, script, str(tmp_path), "--outputs", str(tmp_path)])
    elif between == "another run":
        assert main([f"outputs={tmp_path}", *QUICK[1:], "model.hidden=[4]", "seed=7"]) == 0
    if between != "another run":  # whose end finds it in MLflow, if the kill left it the time to be there
        assert is_final(folder, tracked=True) == (between == "sync")
    assert main([f"outputs={tmp_path}", *SMALL]) == 0
    assert journal_status(folder) == "finished"
    found = children(tmp_path)
    assert len(found) == 2
    assert {run.info.status for run in found} == {"FINISHED"}
    assert all("test/accuracy" in run.data.metrics for run in found)
