"""One real SQLite store for all tests of this folder: making one takes seconds."""

from pathlib import Path

import pytest

from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
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


def small(**changes) -> Experiment:
    """An experiment of milliseconds."""
    parts = {"model": MLP(hidden=[8]), "data": Synthetic(), "training": Training(epochs=3, batch_size=64)}
    return Experiment(**(parts | changes))


@pytest.fixture
def experiment() -> Experiment:
    return small()
