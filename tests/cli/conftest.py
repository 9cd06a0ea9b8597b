"""The command line, called in this process (fast) or as a process of its own (real)."""

import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mnist_np.cli.train import main

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
