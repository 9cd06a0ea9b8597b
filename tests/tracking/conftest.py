"""One real SQLite store for all tests of this folder: making one takes seconds."""

from pathlib import Path

import pytest
from small_sweep import small

from mnist_np.experiment import Experiment
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of


@pytest.fixture(scope="session")
def outputs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("project") / "outputs"


@pytest.fixture(scope="session")
def store(outputs):
    return store_of(Tracking(), outputs)


@pytest.fixture
def folder(outputs, tmp_path) -> Path:
    return outputs / "runs" / tmp_path.name


@pytest.fixture
def experiment() -> Experiment:
    return small()
