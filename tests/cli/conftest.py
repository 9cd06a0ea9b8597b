"""The command line, called in this process (fast) or as a process of its own (real)."""

import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mnist_np.cli.train import main
from mnist_np.experiment import Experiment

TRAIN = Path(__file__).parents[2] / "scripts" / "train.py"


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """``train(*argv)`` in a folder of its own, in this process."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def call(*argv):
        code = main(list(argv))
        return Outcome(code, *capsys.readouterr())

    yield call
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def real_train(tmp_path):
    """``real_train(*argv)`` as a person types it: scripts/train.py in a folder of its own."""

    def call(*argv, python=()):
        command = [sys.executable, *python, str(TRAIN), *argv]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def no_sweep_figures(monkeypatch):
    """The sweep's figures have tests of their own, and take as long as a small search."""
    monkeypatch.setattr("mnist_np.figures.sweep.draw.draw", lambda report, folder: None)


@pytest.fixture(scope="session")
def outputs(tmp_path_factory):
    """The outputs of two runs: one on MNIST without a tracker, one tracked."""
    folder = tmp_path_factory.mktemp("outputs")
    arguments = [f"outputs={folder}", "tracking.figures=false", "training.epochs=2"]
    assert main([*arguments, "data.train_size=3000", "tracking=off", f"hydra.run.dir={folder}/runs/today/mnist"]) == 0
    assert main([*arguments, "data=synthetic", "model.dropout=0.1", f"hydra.run.dir={folder}/runs/today/tracked"]) == 0
    return folder


@pytest.fixture
def mnist(outputs, tmp_path):
    """A copy of the run on MNIST, to be spoilt."""
    return shutil.copytree(outputs / "runs/today/mnist", tmp_path / "mnist")


@pytest.fixture
def call(monkeypatch, capsys):
    def call(command, *arguments, code=0):
        monkeypatch.setattr(sys, "argv", [command.__name__, *map(str, arguments)])
        assert command.main() == code
        done = capsys.readouterr()
        return " ".join((done.out + done.err).split())

    return call


@pytest.fixture(scope="session")
def digits():
    """Test images of MNIST, as bytes, with their labels."""
    test = Experiment().load_data().test[:100]
    return np.round(test.X.reshape(-1, 28, 28) * 255).astype(np.uint8), test.labels
