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
from commands import finish, start, train
from slow_server import SlowServer

from mnist_np.api import run
from mnist_np.commands import sync
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.invocation import command
from mnist_np.nn.mlp import MLP
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import background
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.deadline import ANSWER
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import KILLED_TIMEOUT, TIMEOUT, MlflowObserver
from mnist_np.tracking.server import wait_for
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
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


@pytest.fixture
def slow(server):
    """A way to the server that can be slowed down."""
    if server.process.poll() is not None:
        server.start()
    slow = SlowServer(server.port)
    yield slow
    slow.close()


def wait_until(done, seconds=60):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def epochs_in(outputs):
    return sum(len(path.read_text().splitlines()) - 1 for path in outputs.glob("runs/*/*/history.csv"))


def test_a_server_that_turns_slow_in_mid_run_stops_neither_the_training_nor_its_signals(server, slow, tmp_path):
    """A byte a second: the time limit of no single wait is ever reached."""
    small = ["data=synthetic", "model.hidden=[8]", "training.epochs=1000000", "tracking.figures=false", "training.patience=null"]
    process = start(train(tmp_path, *small, "tracking=server", f"tracking.uri={slow.uri}"))
    try:
        wait_until(lambda: epochs_in(tmp_path) > 3)
        (folder,) = tmp_path.glob("runs/*/*")
        wait_until(lambda: Ledger.read(folder).offset > 2000)
        slow.slow_down()
        time.sleep(2)  # for a delivery to get stuck
        before = epochs_in(tmp_path)
        wait_until(lambda: epochs_in(tmp_path) > before + 20)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
        assert time.monotonic() - began < KILLED_TIMEOUT + 10
    finally:
        process.kill()
        process.wait()
    assert Ledger.read(folder).offset < Journal(folder).size
    sync.sync(folder, tmp_path, server.uri)
    client = store_of(Tracking(backend="server", uri=server.uri), tmp_path).client
    run_id = Ledger.read(folder).run_id
    steps = [metric.step for metric in client.get_metric_history(run_id, "train/loss")]
    assert steps == list(range(1, epochs_in(tmp_path) + 1))
    assert client.get_run(run_id).info.status == "KILLED"


@pytest.mark.slow
def test_a_server_that_is_slow_from_the_start_is_refused_or_waited_for_at_the_end_only(tmp_path, monkeypatch):
    slow = SlowServer()
    slow.slow_down()
    tracking = ["tracking=server", f"tracking.uri={slow.uri}", "data=synthetic", "model.hidden=[8]", "tracking.figures=false"]
    began = time.monotonic()
    output = finish(train(tmp_path, *tracking), code=2)
    assert "has not answered within 30 s" in output
    assert output.count("\n") == 1
    output = finish(train(tmp_path, *tracking, "tracking.required=false"))
    assert "no longer accepts data, or too slowly" in output
    assert "Deliver it later" in output
    assert time.monotonic() - began < ANSWER + TIMEOUT + 25
    slow.close()


def test_a_tracker_that_goes_away_in_mid_sweep_fails_no_run(server, tmp_path):
    """The runs train, and are delivered when it is back: by the next start, or by `sync`."""
    sweep = ["-m", "seed=range(6)", "data=synthetic", "model.hidden=[8]", "training.epochs=20", "tracking.figures=false"]
    sweep += ["hydra/launcher=local", "hydra.launcher.workers=2", "sweep.name=away"]
    command = train(tmp_path, "tracking=server", f"tracking.uri={server.uri}", *sweep)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: list(tmp_path.glob("sweeps/*/*/result.json")))
    server.kill()
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert len(list(tmp_path.glob("sweeps/*/*/weights.safetensors"))) == 6
    assert "not in MLflow yet: " in output
    assert "Deliver them later:" in output

    server.start()
    output = finish(command)
    assert "not in MLflow yet" not in output
    client = store_of(Tracking(backend="server", uri=server.uri), tmp_path).client
    (parent,) = client.search_runs(["1"], "tags.sweep_role = 'parent'")
    children = client.search_runs(["1"], f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.sweep_role = 'child'")
    assert sorted(child.data.params["seed"] for child in children) == list("012345")
    assert {found.info.status for found in [parent, *children]} == {"FINISHED"}
    for child in children:
        assert len(client.get_metric_history(child.info.run_id, "train/loss")) == 20
