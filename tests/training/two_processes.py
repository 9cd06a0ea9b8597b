"""An experiment for two processes, and a look at the processes of this machine."""

from pathlib import Path

from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import SGD

DATA = Synthetic(examples=400, validation_size=112)  # 288 to train on: five batches of 50 and one of 38


def experiment(processes, epochs=2, **changes):
    training = {"epochs": epochs, "batch_size": 50, "processes": processes} | changes.pop("training", {})
    parts = {"model": MLP(hidden=[20, 9, 12, 8]), "optimizer": SGD(lr=0.1), "data": DATA, "seed": 5}
    return Experiment(**(parts | changes), training=Training(**training))


def children(pid):
    """Process ids of the training processes that ``pid`` has started and that still run; other tests may have left others."""
    others = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    mine = [other for other in others if state_and_parent(other)[1:] == [str(pid)] and alive(other)]
    return [other for other in mine if "mnist_np.training.parallel.worker" in command_of(other)]


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it has ended
        return ""


def alive(pid):
    return state_and_parent(pid)[:1] not in ([], ["Z"])


def state_and_parent(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return []
