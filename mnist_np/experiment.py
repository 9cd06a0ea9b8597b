"""An experiment: what to train, on what, and how; and `run`, which does it. Knows neither Hydra nor MLflow.

from mnist_np.experiment import Experiment, run
result = run(Experiment(model=MLP(hidden=[256, 128]), seed=3))
print(result.test_accuracy)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mnist_np.component import Component, bounded
from mnist_np.data.augment import Augment, NoAugment
from mnist_np.data.dataset import Dataset
from mnist_np.data.sources import MNIST, Data
from mnist_np.nn.activations import Activation, ReLU
from mnist_np.nn.initializers import Auto, Initializer
from mnist_np.nn.losses import CrossEntropy, Distillation, Loss
from mnist_np.nn.mlp import MLP
from mnist_np.nn.network import Network
from mnist_np.optim.optimizers import SGD, Optimizer
from mnist_np.optim.schedules import Constant, Schedule
from mnist_np.streams import Streams
from mnist_np.training.diagnostics import Diagnostics, diagnostics_of
from mnist_np.training.divergence import is_finite
from mnist_np.training.evaluation import Evaluation, evaluate
from mnist_np.training.events import Observer, Observers, RunStart
from mnist_np.training.loop import Trainer
from mnist_np.training.metrics import METRICS, Judged, by_class, measure
from mnist_np.training.progress import Progress
from mnist_np.training.resume import resume
from mnist_np.training.settings import Training
from mnist_np.training.threads import blas_threads, choose, present

QUIET: Any = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}
"""No warnings of numbers that are not finite: `divergence.py` looks at the numbers themselves, and says what they mean."""


@dataclass
class Experiment(Component):
    """Everything that determines a run's result, but for the data's bytes and the number of BLAS threads."""

    model: MLP = field(default_factory=MLP)
    activation: Activation = field(default_factory=ReLU)
    init: Initializer = field(default_factory=Auto)
    loss: Loss = field(default_factory=CrossEntropy)
    optimizer: Optimizer = field(default_factory=SGD)
    schedule: Schedule = field(default_factory=Constant)
    data: Data = field(default_factory=MNIST)
    augment: Augment = field(default_factory=NoAugment)
    training: Training = field(default_factory=Training)
    seed: int = bounded(0, ge=0)

    def load_data(self) -> Dataset:
        """The data, split and preprocessed; the subset of ``data.train_size`` drawn from the ``split`` stream of the seed."""
        return self.data.load(Streams(self.seed)("split"))

    def check(self) -> None:
        optimizer, training, kind = self.optimizer, self.training, type(self.optimizer).__name__
        for key in ("clip_norm", "clip_value"):
            if optimizer.full_batch and getattr(training, key) is not None:
                raise training.error(key, getattr(training, key), f"must be null: {kind}'s line search needs the true gradient")
        for key in ("ema", "swa_start"):
            if optimizer.averages and getattr(training, key) is not None:
                raise training.error(key, getattr(training, key), f"must be null: {kind} averages the weights by itself")
        if self.schedule.momentum_from is not None and not optimizer.ramps_momentum:
            raise self.schedule.error(
                "momentum_from", self.schedule.momentum_from, f"must be null: {kind} has no momentum to ramp"
            )

    def build_network(self, n_in: int, n_out: int, drawn: bool = True) -> Network:
        """The untrained network, its weights drawn from the ``init`` stream of the seed; or zero, to be loaded."""
        rng = Streams(self.seed)("init") if drawn else None
        network = self.model.build(n_in, n_out, rng, self.activation, self.init, self.training.dtype)
        network.probabilities = self.loss.probabilities
        return network

    def threads(self, data: Dataset) -> int:
        """The BLAS threads that ``training.threads`` comes to."""
        if self.training.processes > 1:
            return 1
        sizes = [data.n_features, *self.model.hidden, data.n_classes]
        return choose(self.training.threads, sizes, self.training.batch_size)

    def trainer(self) -> type[Trainer]:
        """The kind of trainer that ``training.processes`` asks for."""
        if self.training.processes == 1:
            return Trainer
        from mnist_np.training.parallel.trainer import ParallelTrainer  # few ask for it

        return ParallelTrainer


@dataclass
class Result:
    """What a run came to. ``network`` holds the weights that validation chose, ``test`` their one look at the test split.

    ``status`` is ``finished``, ``killed``, ``diverged`` or ``pruned``, with its ``reason`` where it is not ``finished``.
    ``threads`` are the BLAS threads it was computed with (of each of its processes): the last bits depend on them.
    ``failures`` says which observers failed: the training itself is whole, but not all that should be left of it.
    """

    experiment: Experiment
    data: Dataset
    network: Network
    status: str
    reason: str
    history: list[dict[str, float]]
    best_epoch: int
    best: dict[str, float]
    test: Evaluation
    seconds: float
    threads: int = field(default_factory=present)
    failures: list[str] = field(default_factory=list)
    diagnostics: Diagnostics | None = None

    @cached_property
    def judged(self) -> Judged:
        """The probabilities of the test split beside its labels."""
        return Judged(self.experiment.loss.probabilities(self.test.logits), self.data.test.labels)

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers of the whole run: ``best/...``, ``test/...``, ``time/total_s``, ``model/parameters``.

        Those that are not finite are left out.
        """
        best = {f"best/{key.replace('/', '_')}": value for key, value in self.best.items() if key.startswith("val/")}
        test = {"test/loss": self.test.loss, "test/accuracy": self.test.accuracy, "test/error": 1 - self.test.accuracy}
        with np.errstate(**QUIET):
            test |= measure(self.judged, list(METRICS), "test") | by_class(self.judged, self.data.class_names, "test")
        whole = {"time/total_s": self.seconds, "model/parameters": float(self.network.params.size)}
        metrics = best | {"best/epoch": float(self.best_epoch)} | test | whole
        return {key: value for key, value in metrics.items() if math.isfinite(value)}


def run(
    experiment: Experiment,
    observers: Iterable[Observer] = (),
    interrupted: Callable[[], str | None] = lambda: None,
    data: Dataset | None = None,
    resume_from: Path | None = None,
) -> Result:
    """Train as ``experiment`` says and evaluate the chosen weights once on the test split.

    ``interrupted`` is asked before each step: a text ends the training there. ``data`` spares the loading where the
    caller has it already (it must be what ``experiment.data`` would load). ``resume_from`` is the folder of checkpoints of
    this same experiment, interrupted earlier: it goes on from the newest. Raises CheckpointError if that cannot be.
    """
    began = perf_counter()
    data = data or experiment.load_data()
    if isinstance(experiment.loss, Distillation) and not data.train.n_soft:
        from mnist_np.teacher import taught  # here, since a teacher's weights file holds an Experiment itself

        data = taught(data, experiment)
    with blas_threads(experiment.threads(data)), np.errstate(**QUIET):
        return _run(experiment, observers, interrupted, data, resume_from, began)


def _run(
    experiment: Experiment,
    observers: Iterable[Observer],
    interrupted: Callable[[], str | None],
    data: Dataset,
    resume_from: Path | None,
    began: float,
) -> Result:
    network = experiment.build_network(data.n_features, data.n_classes)
    diagnostics = diagnostics_of(experiment.training)
    listeners = Observers([*diagnostics, *observers])  # first, since its numbers are metrics for the others
    trainer = experiment.trainer()(
        network,
        data,
        experiment.loss,
        experiment.optimizer,
        experiment.schedule,
        experiment.training,
        Streams(experiment.seed),
        listeners,
        interrupted,
        experiment.augment,
    )
    progress = trainer.begin()
    if resume_from:
        resume(resume_from, experiment, data, network, progress)
    try:
        listeners.start(RunStart(experiment, data, network, progress, trainer.steps, len(trainer.batches)))
        trainer.fit(progress)
        result = conclude(experiment, data, network, progress, perf_counter() - began)
    except BaseException as error:
        listeners.failed(error)
        raise
    result.failures = listeners.failures
    result.diagnostics = next(iter(diagnostics), None)
    listeners.end(result)
    return result


def conclude(experiment: Experiment, data: Dataset, network: Network, progress: Progress, seconds: float) -> Result:
    """Put the chosen weights into the network and look at the test split.

    Without a whole epoch to choose from these are the last ones; or the initial ones, where the first epoch spoilt them.
    """
    best = progress.best
    if best is not None:
        network.params[:], network.state[:] = best.params, best.state
    test = evaluate(network, data.test, experiment.loss)
    if best is None and progress.status == "diverged" and not (math.isfinite(test.loss) and is_finite(network)):
        network.load_arrays(experiment.build_network(network.n_in, network.n_out).arrays())
        test = evaluate(network, data.test, experiment.loss)
    return Result(
        experiment,
        data,
        network,
        progress.status,
        progress.reason,
        progress.history,
        best.epoch if best else 0,
        best.metrics if best else {},
        test,
        seconds,
    )
