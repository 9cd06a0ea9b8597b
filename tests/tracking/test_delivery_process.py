"""The process that delivers a single run: what a user waits for imports no MLflow, and nothing is lost with the process."""

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


def test_a_run_that_is_tracked_imports_no_mlflow_itself(tmp_path):
    code = """
from mnist_np.cli.train import main
assert main(["data=synthetic", "training.epochs=1", "tracking.figures=false"]) == 0
"""
    assert imported(code, tmp_path) == ["hydra", "numpy"]
    with closing(sqlite3.connect(tmp_path / "outputs" / "mlflow.db")) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("FINISHED",)]


def test_figures_are_what_imports_matplotlib(tmp_path):
    code = """
import sys
import time
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


@pytest.fixture
def process(tmp_path):
    process = DeliveryProcess(Store(f"sqlite:///{tmp_path}/mlflow.db", tmp_path))
    yield process
    process.close()


def test_what_the_process_raises_is_raised_here(process, tmp_path):
    with pytest.raises(TrackingError, match=r"nowhere/tracking.json is missing"):
        process.ask("deliver", folder=str(tmp_path / "nowhere"), patience=1)
    process.ask("check", experiment="mnist", registry=False)
    assert (tmp_path / "mlflow.db").exists()


def test_a_process_that_was_lost_is_started_again(process):
    first = process.process
    first.kill()
    with pytest.raises(TrackingError, match="has ended"):
        process.ask("check", experiment="mnist", registry=False)
    process.ask("check", experiment="mnist", registry=False)
    assert process.process.pid != first.pid


def test_it_ends_with_its_input(process):
    child = process.process
    process.ask("check", experiment="mnist", registry=False)
    process.close()
    assert child.returncode == 0


def test_it_does_not_outlive_a_killed_run(tmp_path):
    code = f"""
import os, pathlib, signal
from mnist_np.tracking.delivery_process import DeliveryProcess
from mnist_np.tracking.store import Store
folder = pathlib.Path({str(tmp_path)!r})
print(DeliveryProcess(Store(f"sqlite:///{{folder}}/mlflow.db", folder)).process.pid, flush=True)
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


def test_it_makes_no_store_unless_it_is_asked(process, tmp_path):
    """MLflow's client makes the tables as it connects, in a file of its final name: two that do so at once, or one that is killed
    meanwhile, leave a half-made store."""
    with process._asking:  # the first answer is that it is ready
        assert process.process.stdout.readline() == '{"ready": true}\n'
    assert not list(tmp_path.glob("mlflow.db*"))
    process.ask("check", experiment="mnist-np", registry=False)
    assert (tmp_path / "mlflow.db").exists()


def test_runs_that_begin_at_once_make_one_store(tmp_path):
    code = (
        "from mnist_np.cli.train import main; main(['data=synthetic', 'training.epochs=1', 'tracking.figures=false', 'seed=%d'])"
    )
    started = [subprocess.Popen([sys.executable, "-c", code % seed], cwd=tmp_path, stderr=subprocess.PIPE) for seed in range(3)]
    for process in started:
        _, said = process.communicate(timeout=120)
        assert said == b""
    assert not list((tmp_path / "outputs").glob("*incomplete*"))
    with closing(sqlite3.connect(tmp_path / "outputs" / "mlflow.db")) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("FINISHED",)] * 3
