"""The rule by which ``training.processes=auto`` and ``training.threads=auto`` choose a mode."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mnist_np.data.dataset import Dataset
from mnist_np.engine.threads import WORTH_SHARING, choose, present
from mnist_np.experiment import Experiment
from mnist_np.machine import cores, is_pool_worker, starts_python
from mnist_np.nn.layers import Layer
from mnist_np.plugins import PREFIX
from mnist_np.training.mode import Mode
from mnist_np.training.parallel.limits import obstacle, parts_of

WORTH_A_PROCESS = 3_000_000
"""Weights times batch size, for each pair of layers, from which two processes pay: below, a step takes little longer than their
exchanges, of which each pair has two."""

WORTH_A_START = 15_000_000_000
"""Weights times examples of the whole training from which the start of a second process pays, which takes some 0.4 s."""

log = logging.getLogger(__name__)


def mode_of(experiment: Experiment, data: Dataset, layers: Sequence[Layer], recorded: Mode | None = None) -> Mode:
    """What ``training.processes`` and ``training.threads`` come to.

    It depends on nothing that changes from minute to minute, since the last bits of a result depend on it.

    Args:
        experiment: what is trained.
        data: on what.
        layers: of its network.
        recorded: the mode of the run that is continued or repeated, which is kept unless a key says otherwise.
    """
    training = experiment.training
    if training.processes == 2:
        return Mode(2, 1)
    if recorded and agrees(recorded, experiment):
        if recorded.processes == 1 or not (why := refusal(experiment, layers)):
            return recorded
        log.warning("the run was computed by %s, which is not possible %s: the last bits may differ", recorded, why)
    shapes = experiment.weight_shapes(data.n_features, data.n_classes)
    weights = sum(n_in * n_out for n_in, n_out in shapes)
    batch_size = experiment.batch_size(data)
    if training.processes == "auto" and training.threads == "auto":
        sizes = weights, batch_size, training.epochs * len(data.train), max(1, len(shapes) // 2)
        if pays(*sizes, experiment.augment.active) and is_free() and not refusal(experiment, layers):
            return Mode(2, 1)
    return Mode(1, choose(training.threads, weights, batch_size))


def agrees(recorded: Mode, experiment: Experiment) -> bool:
    """Whether the keys allow the mode."""
    training = experiment.training
    return training.processes in ("auto", recorded.processes) and training.threads in ("auto", recorded.threads)


def pays(weights: int, batch_size: int, examples: int, pairs: int = 1, augmented: bool = False) -> bool:
    """Whether two processes of one thread are faster than one process with one thread or with one for each core.

    On more than two cores BLAS may use all of them for large products: then it is left alone. Beside one thread that trains a
    small network, other threads prepare its augmented images.
    """
    large = weights * batch_size >= WORTH_SHARING
    if augmented and not large:
        return False
    return weights * batch_size >= WORTH_A_PROCESS * pairs and weights * examples >= WORTH_A_START and not (large and cores() > 2)


def is_free() -> bool:
    """Whether a second core is there for this process, which is not one of several that share the machine."""
    return min(cores(), present()) > 1 and not is_pool_worker() and starts_python()


def refusal(experiment: Experiment, layers: Sequence[Layer]) -> str:
    """Why two processes are not to train this unless they are asked for; empty where they may."""
    optimizer, training = experiment.optimizer, experiment.training
    if training.engine != "fast":
        return f"where training.engine = {training.engine}"
    if why := obstacle(layers, optimizer, training):
        return why
    for part in parts_of(layers, optimizer, experiment.loss, experiment.schedule, experiment.augment):
        if not type(part).__module__.startswith(("mnist_np.", PREFIX)):
            return f"with {type(part).__name__}, which no plugin defines"
    return ""
