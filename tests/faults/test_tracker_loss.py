"""A real MLflow server that dies while a network trains, and comes back: the training does not notice, and nothing is lost."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

from mnist_np.api import run
from mnist_np.commands import sync
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.invocation import command
from mnist_np.nn.mlp import MLP
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import background
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.server import wait_for
from mnist_np.tracking.settings import Tracking
from mnist_np.training.events import Observer

pytestmark = pytest.mark.fault


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """An MLflow server in a session of its own, which can be killed and started again at the same address."""

    def __init__(self, folder):
        self.folder, self.port = folder, unused_port()
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1"]
        command += [
            "--backend-store-uri",
            f"sqlite:///{self.folder}/mlflow.db",
            "--artifacts-destination",
            str(self.folder / "artifacts"),
        ]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        log = self.folder / "server.log"
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=os.environ | quiet, stdout=output, stderr=output, start_new_session=True
            )
        wait_for(self.process, self.uri, log)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    if server.process.poll() is None:
        server.kill()


class AfterEpoch(Observer):
    def __init__(self, epoch, deed):
        self.epoch, self.deed = epoch, deed

    def on_epoch(self, event):
        if event.epoch == self.epoch:
            self.deed()


def test_a_server_killed_in_mid_run_gets_everything_when_it_is_back(server, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(background, "SHARE", 0)
    monkeypatch.setattr(background, "EVERY", 0)  # so that every epoch tries anew
    outputs, folder = tmp_path / "outputs", tmp_path / "outputs" / "runs" / "a"
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=6))
    tracker = MlflowObserver(Tracking(backend="server", uri=server.uri), outputs, folder)
    began = time.monotonic()
    result = run(experiment, [RunFolder(folder, figures=False), tracker, AfterEpoch(3, server.kill)])
    assert time.monotonic() - began < 20, "a server that is gone does not hold up the training"
    assert result.status == "finished"
    assert len(result.history) == 6
    assert tracker.where().startswith(f"not delivered yet: {command('sync')}")
    assert caplog.text.count("Training goes on") == 1
    with pytest.raises(TrackingError, match="no answer"):
        sync.sync(folder, outputs, server.uri)

    server.start()
    sync.sync(folder, outputs, server.uri)
    mlflow, run_id = tracker.store.client, Ledger.read(folder).run_id
    for key in ("train/loss", "val/accuracy"):
        logged = [(metric.step, metric.value) for metric in mlflow.get_metric_history(run_id, key)]
        assert logged == [(row["epoch"], row[key]) for row in result.history]
    assert mlflow.get_run(run_id).info.status == "FINISHED"
    assert "weights.safetensors" in {file.path for file in mlflow.list_artifacts(run_id)}, "over HTTP"
    with sqlite3.connect(server.folder / "mlflow.db") as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,), "created once"
    database.close()
    assert tracker.where() == f"{server.uri}/#/experiments/1/runs/{run_id}?workflowType=machine_learning"


def test_a_server_that_is_back_in_mid_run_is_told_what_it_missed(server, tmp_path, monkeypatch):
    monkeypatch.setattr(background, "SHARE", 0)
    monkeypatch.setattr(background, "EVERY", 0)
    outputs, folder = tmp_path / "outputs", tmp_path / "outputs" / "runs" / "b"
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=6))
    tracker = MlflowObserver(Tracking(backend="server", uri=server.uri), outputs, folder)
    deeds = [AfterEpoch(2, server.kill), AfterEpoch(4, server.start)]
    run(experiment, [RunFolder(folder, figures=False), tracker, *deeds])
    with urlopen(f"{server.uri}/health") as answer:
        assert answer.status == 200
    assert not tracker.delivery.delivery.pending
    run_id = Ledger.read(folder).run_id
    logged = [metric.step for metric in tracker.store.client.get_metric_history(run_id, "train/loss")]
    assert logged == [1, 2, 3, 4, 5, 6]
