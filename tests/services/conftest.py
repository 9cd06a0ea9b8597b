"""A sweep from the real command line in a folder of its own, and what MLflow then knows of it."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TRAIN = Path(__file__).parents[2] / "scripts" / "train.py"
EPOCHS = 3
ROLES = ("parent", "child", "configuration")
QUICK = ["data=synthetic", "model.hidden=[8]", "tracking.figures=false", f"training.epochs={EPOCHS}"]


@dataclass
class Kept:
    """What an MLflow store holds of one sweep: its parent runs, its children, and the steps at which each logged val/accuracy."""

    parents: list
    children: list
    steps: list

    def check(self, n, epochs=EPOCHS):
        """One parent and ``n`` children, all finished and with each of their epochs."""
        assert len(self.parents) == 1
        assert len(self.children) == n
        assert {run.info.status for run in [*self.parents, *self.children]} == {"FINISHED"}
        assert {run.data.tags["mlflow.parentRunId"] for run in self.children} == {self.parents[0].info.run_id}
        assert sorted(int(run.data.params["seed"]) for run in self.children) == list(range(n))
        assert self.steps == [list(range(1, epochs + 1))] * n


@pytest.fixture
def sweep(tmp_path):
    """``sweep(*overrides)`` as a person types it, seeds and launcher included; ends all it started when time is up."""

    def call(*overrides):
        command = [sys.executable, str(TRAIN), "-m", *QUICK, *overrides]
        program = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        try:
            said, _ = program.communicate(timeout=240)
        finally:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
        assert program.returncode == 0, said
        return said

    return call


@pytest.fixture
def kept(tmp_path):
    """``kept(uri)``: what the store at ``uri`` (default: the one under ``outputs``) holds."""
    from mlflow import MlflowClient

    def look(uri=f"sqlite:///{tmp_path / 'outputs' / 'mlflow.db'}"):
        client = MlflowClient(uri)
        runs = client.search_runs([client.get_experiment_by_name("mnist-np").experiment_id])
        role = {name: [run for run in runs if run.data.tags.get("sweep_role") == name] for name in ROLES}
        assert len(runs) == sum(map(len, role.values()))
        histories = [client.get_metric_history(run.info.run_id, "val/accuracy") for run in role["child"]]
        return Kept(role["parent"], role["child"], [sorted(metric.step for metric in history) for history in histories])

    return look
