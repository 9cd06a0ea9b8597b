"""A cluster's way of running jobs, by submitit, with its local executor in place of Slurm."""

import gc
import json
import os
import re
import signal
import weakref

import pytest

from mnist_np.sweep.executor import Lost
from mnist_np.sweep.slurm_executor import SlurmExecutor
from mnist_np.sweep.worker import Task
from tests.programs import LONG, begin, finish, statuses, wait_for

pytest.importorskip("submitit", reason="needs submitit: pip install 'mnist-np[slurm]'")
pytestmark = pytest.mark.service
SWEEP = ["-m", "hydra/launcher=slurm_local", *LONG]


def test_each_run_is_a_job_of_its_own_and_all_finish_under_one_parent(sweep, kept, tmp_path):
    sweep("hydra/launcher=slurm_local", "seed=range(3)")
    kept().check(3)
    submitted = list((tmp_path / "outputs").glob(".launcher/**/.submitit/*/*_submitted.pkl"))
    assert len(submitted) == 3


def test_a_killed_job_is_made_again_by_another(tmp_path):
    program = begin(tmp_path, *SWEEP, "seed=range(2)")
    wait_for(lambda: list(tmp_path.glob("outputs/sweeps/*/*/history.csv")))
    os.kill(json.loads(next(tmp_path.glob("outputs/sweeps/*/*/run.json")).read_text())["pid"], signal.SIGKILL)
    assert "it goes on elsewhere" in finish(program)
    assert statuses(tmp_path / "outputs") == ["finished"] * 2


def test_a_run_that_reaches_the_time_limit_goes_on_as_another_job(tmp_path):
    program = begin(tmp_path, *SWEEP, "seed=range(1,3)")
    wait_for(lambda: list(tmp_path.glob("outputs/sweeps/*/*/history.csv")))
    os.kill(json.loads(next(tmp_path.glob("outputs/sweeps/*/*/run.json")).read_text())["pid"], signal.SIGUSR2)  # as Slurm does
    assert "interrupted: SIGTERM; it goes on elsewhere" in finish(program)
    assert statuses(tmp_path / "outputs") == ["finished"] * 2


def test_an_interrupted_sweep_cancels_its_jobs_and_goes_on(tmp_path):
    program = begin(tmp_path, *SWEEP, "seed=range(3)")
    wait_for(lambda: len(list(tmp_path.glob("outputs/sweeps/*/*/history.csv"))) == 2)
    program.send_signal(signal.SIGINT)
    finish(program, 130)
    assert "finished" not in statuses(tmp_path / "outputs")
    finish(begin(tmp_path, *SWEEP, "seed=range(3)"))
    assert statuses(tmp_path / "outputs") == ["finished"] * 3


def test_cancelled_jobs_do_not_outlive_the_executor(tmp_path):
    """Those that are there when Python ends raise in their ``__del__``, as the modules of submitit are gone by then."""
    executor = SlurmExecutor("local", 1, str(tmp_path / "jobs"), 1, {})
    executor.submit(Task(0, {"outputs": "outputs"}, str(tmp_path / "run")))
    job = weakref.ref(next(iter(executor.jobs)))
    executor.cancel()
    wait_for(executor.wait)
    executor.close()
    gc.collect()
    assert job() is None


def test_a_task_that_cannot_begin_has_failed_and_is_not_lost(tmp_path):
    executor, ended = SlurmExecutor("local", 1, str(tmp_path / "%j"), 1, {}), []
    executor.submit(Task(0, {"outputs": "outputs"}, str(tmp_path / "elsewhere" / "sweep" / "run")))
    wait_for(lambda: ended.extend(executor.wait()) or ended)
    ((_, outcome),) = ended
    assert re.fullmatch("FileNotFoundError: .* does not see .*elsewhere/sweep: outputs must be .*", str(outcome))
    assert not isinstance(outcome, Lost)


def test_a_parameter_of_another_type_is_one_line(tmp_path):
    said = finish(begin(tmp_path, *SWEEP, "seed=0,1", "hydra.launcher.timeout_min=x"), 2)
    assert said.startswith('error: hydra/launcher=slurm_local: Parameter "timeout_min"')
    assert len(said.splitlines()) == 1
