"""The process that delivers a single run: what a user waits for imports no MLflow, and nothing is lost with the process."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.delivery_process import DeliveryProcess
from mnist_np.tracking.store import Store

HEAVY = ("mlflow", "matplotlib", "pandas", "sqlalchemy", "scipy")


def imported(code, tmp_path):
    """Which of the heavy packages are imported after ``code``, in a process of its own."""
    code += f"\nimport sys; print('heavy:', *[name for name in {(*HEAVY, 'hydra', 'numpy')} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.split("heavy:")[1].split()


def test_the_package_itself_imports_nothing_heavy(tmp_path):
    assert imported("import mnist_np", tmp_path) == []


def test_a_run_that_is_tracked_imports_no_mlflow_itself_and_matplotlib_for_its_figures(tmp_path):
    code = """
import sys
from mnist_np.training.loop import Trainer
fit = Trainer.fit
def fit_and_look(self, progress):
    fit(self, progress)
    assert not {"mlflow", "matplotlib"} & set(sys.modules)
Trainer.fit = fit_and_look
from mnist_np.cli.train import main
assert main(["data=synthetic", "training.epochs=1"]) == 0
"""
    assert imported(code, tmp_path) == ["matplotlib", "hydra", "numpy"]
    with closing(sqlite3.connect(tmp_path / "outputs" / "mlflow.db")) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("FINISHED",)]


@pytest.fixture
def process(tmp_path):
    process = DeliveryProcess(Store(f"sqlite:///{tmp_path}/mlflow.db", tmp_path))
    yield process
    process.close()


def test_what_the_process_raises_is_raised_here(process, tmp_path):
    with pytest.raises(TrackingError, match=r"nowhere/tracking.json is missing"):
        process.ask("deliver", tmp_path / "nowhere", 1.0)
    (tmp_path / "tracking.json").mkdir()
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(OSError, match="is a folder") as raised:
        process.ask("deliver", tmp_path, 1.0)
    assert raised.value.filename == str(tmp_path / "journal.jsonl")


def test_warnings_of_the_process_are_those_of_the_run(process, tmp_path, caplog):
    (tmp_path / "mlflow.db").touch()
    process.check("mnist-np", registry=False)
    assert "mlflow.db is empty or half-made: a new MLflow store takes its place" in caplog.text


def test_a_process_that_was_lost_is_started_again_and_ends_with_its_pipe(process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queue.py").write_text("raise SystemExit('a file of the user, who did not ask for it')")
    process.check("mnist-np", registry=True)
    first = process.process
    assert process.store.uri not in " ".join(first.args)  # others would see a password in it
    first.kill()
    with pytest.raises(TrackingError, match="has ended"):
        process.check("mnist-np", registry=True)
    process.check("mnist-np", registry=True)
    second = process.process
    process.close()
    assert (first.returncode, second.returncode) == (-signal.SIGKILL, 0)


def test_it_does_not_outlive_a_killed_run(tmp_path):
    code = f"""
import os, pathlib, signal
from mnist_np.tracking.delivery_process import DeliveryProcess
from mnist_np.tracking.store import Store
folder = pathlib.Path({str(tmp_path)!r})
process = DeliveryProcess(Store(f"sqlite:///{{folder}}/mlflow.db", folder))
process.check("mnist-np", registry=True)
print(process.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    deadline = time.monotonic() + 30
    while is_running(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(pid):
    """Whether there is this process, and it is not only waiting to be collected."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return bool(found) and not found.startswith("Z")


SMALL = ["data=synthetic", "data.examples=96", "data.validation_size=32", "model.hidden=[4]", "training.epochs=1"]
SMALL += ["tracking.figures=false"]


def train(tmp_path, *words):
    """A command of its own, which has not imported MLflow."""
    command = [sys.executable, "-m", "mnist_np", "train", *SMALL, *words]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder with a run in MLflow."""
    folder = tmp_path_factory.mktemp("stored")
    assert train(folder).returncode == 0
    return folder


DAMAGES = {
    "of another version of MLflow": lambda path: execute(path, "UPDATE alembic_version SET version_num = '0123456789ab'"),
    "damaged": lambda path: path.write_bytes(b"no database" * 100),
}


def execute(path, statement):
    with closing(sqlite3.connect(path)) as store:
        store.execute(statement)
        store.commit()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_store_that_cannot_be_used_is_told_before_anything_is_trained(damage, stored, tmp_path):
    shutil.copytree(stored / "outputs", tmp_path / "outputs")
    DAMAGES[damage](tmp_path / "outputs" / "mlflow.db")
    done = train(tmp_path, "seed=1")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done
    assert "mlflow.db" in done.stderr
    assert len(list(tmp_path.glob("outputs/runs/*/*"))) == 1


def test_an_address_that_leads_nowhere_is_told_before_anything_is_trained(tmp_path):
    (tmp_path / "a").touch()
    done = train(tmp_path, "tracking.uri=sqlite:///a/mlflow.db")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done
    assert not list(tmp_path.glob("outputs/runs/*/*"))


def test_a_store_that_is_ready_is_not_waited_for(stored):
    store = Store(f"sqlite:///{stored}/outputs/mlflow.db", stored / "outputs")
    assert store.looks_usable
    with closing(sqlite3.connect(store.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not store.looks_usable
    assert store.looks_usable


@pytest.mark.slow
def test_runs_that_begin_at_once_make_one_store(tmp_path):
    command = [sys.executable, "-m", "mnist_np", "train", *SMALL]
    started = [subprocess.Popen([*command, f"seed={seed}"], cwd=tmp_path, stderr=subprocess.PIPE) for seed in range(3)]
    for process in started:
        _, said = process.communicate(timeout=120)
        assert said == b""
    assert not list((tmp_path / "outputs").glob("*incomplete*"))
    with closing(sqlite3.connect(tmp_path / "outputs" / "mlflow.db")) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("FINISHED",)] * 3
