"""The limit (matrix products alone) and this project's own trainer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from time import perf_counter

import numpy as np
import yaml

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from mnist_np.cli.folders import conf_folder
from mnist_np.data.augment import Augment, Distort, NoAugment
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.registry import lookup
from mnist_np.streams import Streams
from mnist_np.training import mode as modes
from mnist_np.training.events import Observers, StopTraining
from mnist_np.training.run import trainer_of

ONE_IMAGE_REPEATS = 2000
FEWEST_STEPS, MOST_STEPS = 6, 400
NORMS = {"batchnorm": "batch", "layernorm": "layer"}


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """One epoch of training, or inference, by the matrix products alone (``gemm-...``) or by the whole engine."""
    if mode.name.startswith("gemm"):
        return Job(products(cell), "", _repeats(cell))
    if cell.task == "infer":
        network = experiment(cell).build_network(784, 10)
        X = images.X[: cell.batch]
        return Job(_repeated(lambda: network.predict_proba(X), _repeats(cell)), "", _repeats(cell))
    steps = Steps(few=cell.task == "auto")
    return Job(epoch(mode, cell, images, steps), "")


def products(cell: Cell, n: int = 60_000) -> Callable[[], None]:
    """All matrix products of one epoch of n images, or of one inference: operands and results stay where they are.

    Forward Z = X W, backward dW = X^T dZ and dX = dZ W^T, the last not for the first layer. Nothing else is done.
    """
    training = cell.task != "infer"
    m = cell.batch if training else min(cell.batch, 1000)
    sizes, rng = [784, *cell.hidden, 10], np.random.default_rng(0)
    W = [rng.random((a, b), np.float32) for a, b in pairwise(sizes)]
    X, dX = ([rng.random((m, size), np.float32) for size in sizes] for _ in range(2))
    dW = [np.empty_like(w) for w in W]

    def batch(m: int) -> None:
        for i, w in enumerate(W):
            np.matmul(X[i][:m], w, out=X[i + 1][:m])
        if training:
            for i in reversed(range(len(W))):
                np.matmul(X[i][:m].T, dX[i + 1][:m], out=dW[i])
                if i:
                    np.matmul(dX[i + 1][:m], W[i].T, out=dX[i][:m])

    total = n if training else cell.batch
    lengths = [min(m, total - start) for start in range(0, total, m)] * _repeats(cell)

    def run() -> None:
        for length in lengths:
            batch(length)

    return run


class Steps:
    """Notes when each step begins, being asked before it whether to stop; ``few``: after some of an epoch's."""

    def __init__(self, few: bool) -> None:
        self.few, self.in_epoch = few, 0
        self.times: list[float] = []

    def __call__(self) -> str | None:
        self.times.append(perf_counter())
        n, seconds = len(self.times), self.times[-1] - self.times[0]
        return "measured" if self.few and (n > MOST_STEPS or (n > FEWEST_STEPS and seconds > 0.5)) else None

    def epoch(self) -> float:
        """Milliseconds of an epoch whose steps all take as long as one at the first quartile: others that use the cores disturb
        the steps in which they do, and most steps are shorter than the time for which a process has its core."""
        return 1000 * float(np.quantile(np.diff(self.times), 0.25)) * self.in_epoch


def epoch(mode: Mode, cell: Cell, images: Images, steps: Steps) -> Callable[[], dict[str, float]]:
    """One epoch of the training loop as a user runs it, without the validation."""
    what = experiment(cell, mode.processes)
    network = what.build_network(784, 10)
    parts = (what.loss, what.optimizer, what.schedule, what.training, Streams(0), Observers())
    trainer = trainer_of(modes.Mode(mode.processes, mode.threads))(network, images.dataset, *parts, steps, what.augment)
    progress = trainer.begin()
    steps.in_epoch = len(trainer.batches)

    def run() -> dict[str, float]:
        steps.times.clear()
        with suppress(StopTraining):
            trainer.train_epoch(progress)
        progress.batch = 0
        return {"ms": steps.epoch()} if steps.few else {}

    return run


def experiment(cell: Cell, processes: int | str = 1) -> Experiment:
    """The cell in this project's own words."""
    model = MLP(hidden=cell.hidden)
    augment: Augment = NoAugment()
    if (conf_folder() / "augment" / f"{cell.extra}.yaml").exists():
        values = yaml.safe_load((conf_folder() / "augment" / f"{cell.extra}.yaml").read_text())
        augment = Distort(**{key: value for key, value in values.items() if key != "defaults"})
    elif cell.extra == "dropout":
        model = MLP(hidden=cell.hidden, dropout=0.5)
    elif cell.extra in NORMS:
        model = MLP(hidden=cell.hidden, norm=NORMS[cell.extra])
    lr = {"adam": 0.001, "momentum": 0.01}.get(cell.optimizer, 0.05)
    rule = lookup("optimizer", "sgd" if cell.optimizer == "none" else cell.optimizer)(lr=lr)
    training = Training(batch_size=cell.batch, epochs=1000, processes=processes)
    return Experiment(model=model, optimizer=rule, training=training, augment=augment)


def _repeats(cell: Cell) -> int:
    return ONE_IMAGE_REPEATS if cell.task == "infer" and cell.batch == 1 else 1


def _repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
    def loop() -> None:
        for _ in range(times):
            run()

    return loop
