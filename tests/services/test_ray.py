"""Sweeps on a Ray cluster of two nodes on this machine: lost nodes, stops, searches."""

import json
import os
import signal
import subprocess
import sys
import tempfile

import pytest
from ray_cluster import Cluster

from tests import programs
from tests.programs import LONG, TRAIN, finish, results, statuses, wait_for

pytest.importorskip("ray", reason="needs ray: pip install 'mnist-np[ray]'")
pytestmark = pytest.mark.service
QUICK = ["data=synthetic", "model.hidden=[8]", "training.epochs=1"]


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two nodes of one core each."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        made = Cluster(folder)
        try:
            made.start_node()
            made.start_node()
            yield made
        finally:
            made.close()


@pytest.fixture
def two_nodes(cluster):
    """The cluster, with its second node again if a test has killed it."""
    while len(cluster.nodes) < 2:
        cluster.start_node()
    return cluster


@pytest.fixture
def begin(two_nodes, tmp_path):
    """``begin(*overrides)`` starts a sweep on the cluster; whatever is left of it ends with the test."""
    started = []

    def call(*overrides):
        chosen = ["-m", "hydra/launcher=ray", f"hydra.launcher.address={two_nodes.address}"]
        started.append(programs.begin(tmp_path, *chosen, *overrides, **two_nodes.environment))
        return started[-1]

    yield call
    for program in started:
        if program.poll() is None:
            program.kill()
            program.communicate()


def test_forty_runs_of_which_a_node_is_lost_finish_once_each(begin, two_nodes, kept, tmp_path):
    program = begin(*QUICK, "seed=range(40)")
    wait_for(lambda: len(results(tmp_path / "outputs")) >= 5)
    two_nodes.kill_node()
    assert "40 finished" in finish(program)
    kept().check(40, epochs=1)
    journals = [path.read_text() for path in tmp_path.glob("outputs/sweeps/*/*/tracking.jsonl")]
    assert all(text.count('"kind": "end"') <= 2 for text in journals)


def test_the_run_of_a_lost_node_goes_on_elsewhere_from_its_checkpoint(begin, two_nodes, tmp_path):
    finish(begin(*LONG, "seed=range(2)", "training.checkpoint_every_epochs=1", "sweep.name=whole"))
    program = begin(*LONG, "seed=range(2)", "training.checkpoint_every_epochs=1", "sweep.name=lost", "sweep.skip_finished=false")
    wait_for(lambda: len(list(tmp_path.glob("outputs/sweeps/lost*/*/checkpoints/*.safetensors"))) >= 2)
    two_nodes.kill_node()
    assert "it goes on elsewhere" in finish(program)
    for seed in range(2):
        whole, lost = (
            next(tmp_path.glob(f"outputs/sweeps/{name}*/seed={seed}-*/weights.safetensors")) for name in ("whole", "lost")
        )
        assert whole.read_bytes() == lost.read_bytes()


def test_an_interrupted_sweep_loses_nothing_and_goes_on(begin, tmp_path):
    program = begin(*LONG, "seed=range(3)")
    wait_for(lambda: len(list(tmp_path.glob("outputs/sweeps/*/*/history.csv"))) == 2)
    program.send_signal(signal.SIGINT)
    finish(program, 130, seconds=60)
    assert statuses(tmp_path / "outputs") == ["killed", "killed"]
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/checkpoints/*.safetensors"))) >= 2
    finish(begin(*LONG, "seed=range(3)"))
    assert statuses(tmp_path / "outputs") == ["finished"] * 3


def test_a_killed_worker_costs_no_run(begin, tmp_path):
    program = begin(*LONG, "seed=range(2)")
    wait_for(lambda: list(tmp_path.glob("outputs/sweeps/*/*/history.csv")))
    os.kill(json.loads(next(tmp_path.glob("outputs/sweeps/*/*/run.json")).read_text())["pid"], signal.SIGKILL)
    assert "it goes on elsewhere" in finish(program)
    assert statuses(tmp_path / "outputs") == ["finished"] * 2


def test_a_search_that_was_killed_goes_on_with_the_same_trials(begin, tmp_path):
    search = [*QUICK, "hydra/sweeper=search", "optimizer.lr=tag(log,interval(0.01,1))", "sweep.search.trials=40"]
    program = begin(*search)
    wait_for(lambda: len(results(tmp_path / "outputs")) >= 12)
    program.kill()
    program.communicate()
    assert "40 runs" in finish(begin(*search))
    assert len(results(tmp_path / "outputs")) == 40
    assert set(statuses(tmp_path / "outputs")) <= {"finished", "pruned"}


def test_a_cluster_that_is_not_there_is_one_line(tmp_path):
    command = [sys.executable, str(TRAIN), "-m", *QUICK, "seed=0,1", "hydra/launcher=ray", "hydra.launcher.address=127.0.0.1:9"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: hydra.launcher.address=127.0.0.1:9: no answer")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
