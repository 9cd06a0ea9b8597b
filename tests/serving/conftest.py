"""A network of MNIST, trained for a moment."""

import numpy as np
import pytest
from servers import running

from mnist_np.cli.train import main as train
from mnist_np.data.sources import MNIST
from mnist_np.storage.weights import load_weights


@pytest.fixture(scope="session")
def outputs(tmp_path_factory):
    """The outputs of two runs on MNIST; the second is the newest."""
    folder = tmp_path_factory.mktemp("outputs")
    common = [f"outputs={folder}", "tracking=off", "training.epochs=2", "data.train_size=20000"]
    assert train([*common, "model.hidden=[16]", f"hydra.run.dir={folder}/runs/today/small"]) == 0
    assert train([*common, f"hydra.run.dir={folder}/runs/today/usual"]) == 0
    return folder


@pytest.fixture(scope="module")
def server(outputs):
    with running("serve", outputs / "runs/today/usual") as (address, _):
        yield address


@pytest.fixture(scope="module")
def weights(outputs):
    return load_weights(outputs / "runs/today/usual/weights.safetensors")


@pytest.fixture(scope="module")
def images():
    return MNIST().load(np.random.default_rng(0)).test
