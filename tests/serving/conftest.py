"""A network of MNIST, trained for a moment."""

import pytest

from mnist_np.cli.train import main as train


@pytest.fixture(scope="session")
def outputs(tmp_path_factory):
    """The outputs of two runs on MNIST; the second is the newest."""
    folder = tmp_path_factory.mktemp("outputs")
    common = [f"outputs={folder}", "tracking=off", "training.epochs=2", "data.train_size=20000"]
    assert train([*common, "model.hidden=[16]", f"hydra.run.dir={folder}/runs/today/small"]) == 0
    assert train([*common, f"hydra.run.dir={folder}/runs/today/usual"]) == 0
    return folder
