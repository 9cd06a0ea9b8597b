"""A small experiment, and what is said of a file as its weights and as its checkpoint."""

import os

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import Adam
from mnist_np.storage.checkpoint import CheckpointError
from mnist_np.storage.weights import WeightsError, load_weights

EXPERIMENT = Experiment(
    model=MLP(hidden=[4], norm="batch"),
    optimizer=Adam(),
    data=Synthetic(examples=32, validation_size=8, side=3),
    training=Training(epochs=2, batch_size=8),
)


def loading(path):
    """What is said of ``path`` as weights and as a checkpoint: None where it is taken."""
    messages = []
    try:
        load_weights(path)
        messages.append(None)
    except WeightsError as error:
        messages.append(str(error))
    named = path.parent / "step-0000000001.safetensors"
    if named != path:
        named.unlink(missing_ok=True)
        os.link(path, named) if path.is_file() and not path.is_symlink() else named.symlink_to(path)
    try:
        run(EXPERIMENT, resume_from=path.parent)
        messages.append(None)
    except CheckpointError as error:
        messages.append(str(error))
    return messages
