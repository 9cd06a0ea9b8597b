"""Train an experiment on its data and evaluate the chosen weights once on the test split."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from time import perf_counter

from mnist_np.data.dataset import Dataset
from mnist_np.engine.threads import blas_threads
from mnist_np.experiment import Experiment
from mnist_np.nn.network import Network
from mnist_np.streams import Streams
from mnist_np.training.auto_mode import mode_of
from mnist_np.training.averaging import chosen_weights
from mnist_np.training.diagnostics import diagnostics_of
from mnist_np.training.divergence import is_finite
from mnist_np.training.evaluation import evaluate, quiet
from mnist_np.training.events import Observer, Observers, RunStart
from mnist_np.training.loop import Trainer
from mnist_np.training.mode import Mode
from mnist_np.training.progress import Progress
from mnist_np.training.result import Result


def run(
    experiment: Experiment,
    data: Dataset,
    observers: Iterable[Observer] = (),
    interrupted: Callable[[], str | None] = lambda: None,
    restore: Callable[[Network, Progress, Mode], None] | None = None,
    network: Network | None = None,
    recorded: Mode | None = None,
) -> Result:
    """Train as ``experiment`` says on ``data`` and evaluate the chosen weights once on the test split.

    Args:
        experiment: what to train and how.
        data: what ``experiment.data`` describes, with the teacher's targets where the loss needs them.
        observers: called at every event of the training.
        interrupted: asked before each step; a text ends the training there, as ``killed`` for that reason.
        restore: sets the untrained network and its progress to those of a checkpoint, given the mode of this run.
        network: `untrained`, where the caller has called that already.
        recorded: the mode of the run that is continued or repeated, to be kept (see `mode_of`).
    """
    began = perf_counter()
    if network is None:
        network = untrained(experiment, data)
    mode = mode_of(experiment, data, network.layers, recorded)
    with blas_threads(mode.threads), quiet():
        return _run(experiment, data, observers, interrupted, restore, network, mode, began)


def untrained(experiment: Experiment, data: Dataset) -> Network:
    """The network that ``experiment`` describes, before its training on ``data``.

    Raises ConfigError where the training takes more memory than there is, and where the weights drawn are not finite.
    """
    experiment.check_memory(data)
    return _drawn(experiment, data)


def _drawn(experiment: Experiment, data: Dataset) -> Network:
    """The network with its initial weights. They are made with one BLAS thread, whatever the mode: the bits of a QR
    decomposition (`Orthogonal`) depend on it."""
    with blas_threads(1):
        return experiment.build_network(data.n_features, data.n_classes)


def trainer_of(mode: Mode) -> type[Trainer]:
    """The kind of trainer for so many processes."""
    if mode.processes == 1:
        return Trainer
    from mnist_np.training.parallel.trainer import ParallelTrainer  # small networks do without

    return ParallelTrainer


def _run(
    experiment: Experiment,
    data: Dataset,
    observers: Iterable[Observer],
    interrupted: Callable[[], str | None],
    restore: Callable[[Network, Progress, Mode], None] | None,
    network: Network,
    mode: Mode,
    began: float,
) -> Result:
    experiment.check_norms()
    experiment.training.check_metrics()
    diagnostics = diagnostics_of(experiment.training)
    record = diagnostics[0].record if diagnostics else None
    listeners = Observers([*diagnostics, *observers])  # first, since its numbers are metrics for the others
    trainer = trainer_of(mode)(
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
    if restore:
        restore(network, progress, mode)
    progress.start_clock(began)
    try:
        listeners.start(RunStart(experiment, data, network, progress, trainer.steps, len(trainer.batches), record, mode))
        trainer.fit(progress)
        result = conclude(experiment, data, network, progress)
    except BaseException as error:
        listeners.failed(error)
        raise
    result.mode, result.failures = mode, listeners.failures
    result.diagnostics = record
    listeners.end(result)
    return result


def conclude(experiment: Experiment, data: Dataset, network: Network, progress: Progress) -> Result:
    """Put the chosen weights into the network and look at the test split.

    Without a whole epoch to choose from these are the last ones, averaged where averages are trained for; or the initial ones,
    where the first epoch spoilt them.
    """
    best = progress.best
    if best is not None:
        params, state = best.params, best.state
    else:
        with chosen_weights(network, experiment.optimizer, progress):
            params, state = network.params.copy(), network.state.copy()
    network.params[:], network.state[:] = params, state
    test = evaluate(network, data.test, experiment.loss)
    if best is None and progress.status == "diverged" and not (math.isfinite(test.loss) and is_finite(network)):
        network.load_arrays(_drawn(experiment, data).arrays())
        test = evaluate(network, data.test, experiment.loss)
    progress.tick()
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
        progress.total_seconds,
    )
