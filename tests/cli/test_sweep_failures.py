"""Sweeps whose jobs fail, whose launcher returns nothing, and which are stopped or killed."""

import json
import os
import signal

import pytest
from filelock import FileLock
from sweeps import begin, sweep

from mnist_np.api import run
from mnist_np.storage.checkpoint import Checkpointer
from mnist_np.storage.saved_run import SavedRun
from mnist_np.sweep.executor import InProcess
from tests.programs import moody, results, statuses, wait_for


@pytest.mark.fault
def test_a_failing_job_is_recorded_and_the_others_go_on(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert sweep(out, *moody(tmp_path)) == 1
    assert statuses(out) == ["failed", "finished"]
    failed = next(path.parent for path in out.glob("sweeps/*/*/error.txt"))
    assert "RuntimeError: out of luck" in (failed / "error.txt").read_text()
    assert "1 failed" in capsys.readouterr().out


@pytest.mark.fault
def test_on_error_stop_ends_the_sweep(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, *moody(tmp_path), "sweep.on_error=stop") == 1
    assert statuses(out) == ["failed"]


def test_a_run_that_another_process_goes_on_with_is_left_alone(tmp_path, capsys):
    """As a single run, with ``training.resume=FOLDER``: the sweep's own lock does not tell."""
    out = tmp_path / "outputs"
    assert sweep(out, "seed=0,1") == 0
    folder = next(out.glob("sweeps/*/seed=1-*"))
    interrupt(folder)
    before = contents(folder)
    with FileLock(folder / "checkpoints" / ".lock"):
        assert sweep(out, "seed=0,1") == 1
        assert "another process is still at work on this run" in capsys.readouterr().out
        assert contents(folder) == before
    assert sweep(out, "seed=0,1") == 0
    assert statuses(out) == ["finished", "finished"]


def interrupt(folder):
    """Let the finished run in ``folder`` look as if it had been killed before its first step."""
    (folder / "result.json").unlink()
    run(SavedRun(folder.name, folder).experiment, [Checkpointer(folder / "checkpoints")], interrupted=lambda: "SIGTERM")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_run_is_called_so_whatever_its_observers_failed_at(tmp_path):
    out, plugin = tmp_path / "outputs", tmp_path / "parts.py"
    plugin.write_text(TROUBLE.format(name=f"trouble_{tmp_path.name}", method="on_epoch", signal="SIGTERM"))
    words = ["seed=0,1", f"plugins=[{plugin}]", f"observers=[trouble_{tmp_path.name}]"]
    assert sweep(out, *words) == 130
    (result,) = results(out).values()
    assert (result["status"], result["reason"], "test/accuracy" in result["metrics"]) == ("killed", "SIGTERM", True)


@pytest.mark.fault
def test_a_worker_that_dies_after_its_run_has_ended_takes_nothing_from_it(tmp_path, capsys):
    out, plugin = tmp_path / "outputs", tmp_path / "parts.py"
    plugin.write_text(TROUBLE.format(name=f"trouble_{tmp_path.name}", method="on_end", signal="SIGKILL"))
    words = ["hydra/launcher=local", "hydra.launcher.workers=1", f"plugins=[{plugin}]"]
    assert sweep(out, *words, "seed=0,1", f"observers=[trouble_{tmp_path.name}]") == 1
    assert "its worker process died (signal SIGKILL)" in capsys.readouterr().out
    assert statuses(out) == ["finished", "finished"]
    assert all("test/accuracy" in result["metrics"] for result in results(out).values())
    assert sweep(out, *words, "seed=0,1") == 0
    assert "2 finished (2 of them earlier" in capsys.readouterr().out


TROUBLE = """
import os, signal
from mnist_np.registry import register
from mnist_np.training.events import Observer

@register("observer", "{name}")
class Trouble(Observer):
    def {method}(self, event):
        os.kill(os.getpid(), signal.{signal})
        raise RuntimeError("in trouble")
"""


def test_a_launcher_that_brings_nothing_back_is_no_success(tmp_path, capsys, monkeypatch):
    far_away = InProcess(lambda task: "")  # as if its machines saw another outputs folder
    monkeypatch.setattr("mnist_np.cli.sweepers.executor_of", lambda *_: far_away)
    assert sweep(tmp_path / "outputs", "seed=range(2)") == 1
    assert "left no result" in capsys.readouterr().out
    assert statuses(tmp_path / "outputs") == ["failed", "failed"]


@pytest.mark.fault
def test_two_workers_leave_one_parent_with_all_children_and_no_duplicates_after_a_kill(tmp_path):
    from mlflow import MlflowClient

    out = tmp_path / "outputs"
    arguments = ["hydra/launcher=local", "activation=relu,tanh", "seed=range(3)", "training.epochs=40"]
    first = begin(out, *arguments)
    wait_for(lambda: len(results(out)) >= 2)
    first.kill()
    first.communicate()
    second = begin(out, *arguments)
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 0, said
    client = MlflowClient(f"sqlite:///{out / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("mnist-np").experiment_id])
    parents = [run for run in runs if run.data.tags.get("sweep_role") == "parent"]
    children = [run for run in runs if run.data.tags.get("sweep_role") == "child"]
    assert len(parents) == 1
    assert len(children) == 6
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert len({run.data.tags["fingerprint"] for run in children}) == 6
    assert len({run.data.tags["config_group"] for run in children}) == 2


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_children_and_parent_tidily_and_the_same_command_goes_on(tmp_path, number):
    out = tmp_path / "outputs"
    arguments = ["hydra/launcher=local", "seed=range(4)", "training.epochs=50", "training.batch_size=4", "tracking=off"]
    program = begin(out, *arguments)
    wait_for(lambda: len(list(out.glob("sweeps/*/*/history.csv"))) >= 2)
    program.send_signal(number)
    said, _ = program.communicate(timeout=60)
    assert program.returncode == 130, said
    assert "Traceback" not in said
    assert "killed" in statuses(out)
    assert len(next(out.glob("sweeps/*/jobs.jsonl")).read_text().splitlines()) == 4
    again = begin(out, *arguments)
    said, _ = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert statuses(out) == ["finished"] * 4


@pytest.mark.fault
def test_a_killed_worker_loses_its_own_run_which_can_be_taken_up(tmp_path):
    out = tmp_path / "outputs"
    arguments = ["hydra/launcher=local", "hydra.launcher.workers=1", "seed=range(2)", "training.epochs=50", "tracking=off"]
    arguments += ["training.batch_size=4"]
    program = begin(out, *arguments)
    wait_for(lambda: list(out.glob("sweeps/*/*/history.csv")))
    pid = json.loads(next(out.glob("sweeps/*/*/run.json")).read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    said, _ = program.communicate(timeout=120)
    assert program.returncode == 1, said
    assert statuses(out) == ["failed", "finished"]
    assert "SIGKILL" in said
    said, _ = (again := begin(out, *arguments)).communicate(timeout=120)
    assert again.returncode == 0, said
    assert statuses(out) == ["finished", "finished"]
