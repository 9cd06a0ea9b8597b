"""Promise: a sweep counts what came to its end, and the same command does the rest: after full disks, damaged files and kills at
the worst moments. Real processes and a real store."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import finish, start, train

from mnist_np.cli.train import main
from mnist_np.storage.run_index import is_final, journal_status
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
from tests.programs import wait_for

pytestmark = pytest.mark.fault

QUICK = ["-m", "data=synthetic", "training.epochs=1", "tracking.figures=false"]
SMALL = [*QUICK, "model.hidden=[4]", "seed=0,1"]


def results(outputs):
    return {path.parent: json.loads(path.read_text()) for path in outputs.glob("sweeps/*/*/result.json")}


def statuses(outputs):
    return sorted(result["status"] for result in results(outputs).values())


def summary(outputs):
    return json.loads(next(outputs.glob("sweeps/*/summary.json")).read_text())


def children(outputs):
    store = store_of(Tracking(), outputs)
    experiments = [store.experiment_id("mnist-np")]
    (parent,) = store.client.search_runs(experiments, "tags.sweep_role = 'parent'")
    where = f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.sweep_role = 'child'"
    return list(store.client.search_runs(experiments, where))


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


WAITING = """
import os
import time
from dataclasses import dataclass
from pathlib import Path

from mnist_np.nn.activations import Identity
from mnist_np.registry import register

here = Path(__file__).parent
(here / f"loaded-{os.getpid()}").touch()

@register("activation", "waiting")
@dataclass
class Waiting(Identity):
    def forward(self, *given):
        self.wait()
        return super().forward(*given)

    def g(self, *given):
        self.wait()
        return super().g(*given)

    def wait(self):
        while not (here / "go").exists():
            time.sleep(0.05)
"""
"""A plugin whose runs stand still until there is a file ``go``; each process that loads it leaves a file."""


def test_a_worker_of_a_killed_start_stops_that_start_only(tmp_path):
    """It is in the middle of a step when its launcher is killed, and ends its run when a new start is at work already."""
    plugin, outputs = tmp_path / "waiting.py", tmp_path / "outputs"
    plugin.write_text(WAITING)
    sweep = [*QUICK, "model.hidden=[4]", "seed=0,1", "tracking=off", f"plugins=[{plugin}]", "activation=waiting"]
    sweep += ["hydra/launcher=local", "hydra.launcher.workers=1"]
    first = start(train(outputs, *sweep))
    wait_for(lambda: list(outputs.glob("sweeps/*/*/run.json")), seconds=60)
    worker = json.loads(next(outputs.glob("sweeps/*/*/run.json")).read_text())["pid"]
    first.kill()
    first.wait()
    loaded = len(list(tmp_path.glob("loaded-*")))
    second = subprocess.Popen(train(outputs, *sweep), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(
        lambda: len(list(tmp_path.glob("loaded-*"))) == loaded + 2, seconds=60
    )  # its launcher, and its worker that has the job now
    (tmp_path / "go").touch()
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert statuses(outputs) == ["finished", "finished"]
    wait_for(lambda: has_ended(worker), seconds=60)


def has_ended(pid):
    """Whether the process is no more, or waits for a parent that asks for its exit code."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return Path("/proc/self").exists()  # it ended in between; where there is no /proc it is still there


def test_two_starts_of_one_sweep_do_not_get_into_each_others_way(tmp_path):
    sweep = [*QUICK, "model.hidden=[4]", "seed=range(4)", "training.epochs=30", "training.batch_size=4", "tracking=off"]
    first = start(train(tmp_path, *sweep))
    wait_for(lambda: list(tmp_path.glob("sweeps/*/*/run.json")), seconds=60)
    said = finish(train(tmp_path, *sweep), code=2)
    assert "another process is at work on this sweep" in said
    assert first.wait(60) == 0
    assert statuses(tmp_path) == ["finished"] * 4
