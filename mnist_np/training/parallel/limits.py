"""What two processes cannot train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnist_np.experiment import Training
from mnist_np.machine import orders_writes
from mnist_np.nn.layers import Activate, Dense, Layer
from mnist_np.optim.lbfgs import LBFGS
from mnist_np.optim.muon import Muon
from mnist_np.optim.optimizer import Optimizer
from mnist_np.training.parallel.shares import PARTS


def obstacle(layers: Sequence[Layer], optimizer: Optimizer, training: Training) -> str:
    """Why two processes cannot train these layers so; empty where they can."""
    if not orders_writes():
        return "on this machine: two processes need an x86-64 processor"
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    if len(dense) < 2 or min(layer.n_out for layer in dense[:-1]) < 2:
        return "for a network without hidden layers, or with hidden layers of one unit"
    split = False  # whether each process has only some of the units
    for layer in layers:
        if isinstance(layer, Dense):
            split = not split and layer is not dense[-1]
        elif split and type(layer) not in PARTS:
            return f"with {type(layer).__name__} layers here: no process has all units of an example"
        elif split and layer.n_in > layer.n_out:
            return "with maxout units here, whose pieces would be in both processes"
    if isinstance(optimizer, LBFGS | Muon):
        return f"with optimizer {type(optimizer).__name__}, which needs whole matrices"
    if training.vat:
        return "with training.vat: no process has the whole gradient by the inputs"
    return ""


def check(layers: Sequence[Layer], optimizer: Optimizer, training: Training, *others: object) -> None:
    """Raise ConfigError where two processes cannot do the work. ``others`` are further parts that both need."""
    if why := obstacle(layers, optimizer, training):
        raise training.error("processes", training.processes, f"must be 1 {why}")
    for part in parts_of(layers, optimizer, *others):
        if type(part).__module__ == "__main__":
            name = type(part).__name__
            why = f"must be 1 with {name} of the program itself, which the second process cannot import: see plugins"
            raise training.error("processes", training.processes, why)


def parts_of(layers: Sequence[Layer], *others: object) -> Iterator[object]:
    """The layers and all that they are made of, which the second process is sent."""
    yield from others
    for layer in layers:
        yield layer
        if isinstance(layer, Activate):
            yield layer.activation
        if isinstance(layer, Dense):
            yield layer.init
