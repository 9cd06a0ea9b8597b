"""What a sweep would take, before it runs: time from finished runs of the same size or from measured steps, and space on disk."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from mnist_np.component import UserError
from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.serialize import flatten, to_dict
from mnist_np.storage.config_file import read_config
from mnist_np.storage.records import read_json
from mnist_np.storage.teacher import load_data
from mnist_np.training.run import run

SIZE = ("model", "activation", "data", "augment", "training", "optimizer")
"""The groups that determine how long a run takes; of the optimizer its name alone."""

MOST_READ = 300
"""Finished runs that are read to learn from."""

STEPS, LONGEST, MOST_MEASURED = 20, 0.5, 8
"""Steps that are measured of one size of run, seconds after which fewer will do, and sizes that are measured."""

OVERHEAD = 0.5
"""Seconds of a run beside its training: its files, its figures, MLflow."""

FIGURES, OTHER_FILES = 350_000, 40_000
"""Bytes of a run's figures, and of its files beside the weights."""


@dataclass(frozen=True)
class Forecast:
    """What the runs of a sweep take.

    Attributes:
        seconds: of each run, in the order in which they were given.
        known: how many of them are estimated from finished runs; the others from measured steps.
        bytes: of all of them on disk.
    """

    seconds: list[float]
    known: int
    bytes: float

    def duration(self, workers: int) -> float:
        """Seconds until the last run is over, each taken in order when one of ``workers`` is free."""
        free = [0.0] * max(1, workers)
        for seconds in self.seconds:
            free[free.index(min(free))] += seconds + OVERHEAD
        return max(free)


def forecast(
    experiments: Sequence[Experiment], outputs: Path, finished: Iterable[Path], figures: bool, tracked: bool
) -> Forecast:
    """Estimate time and space of runs that are to be made.

    Args:
        experiments: one for each run.
        outputs: the folder of all results.
        finished: folders of finished runs, those to be learned from first at the beginning.
        figures: whether each run draws figures.
        tracked: whether a store in ``outputs`` holds a copy of each run's files.
    """
    seconds, space = learn(finished)
    sizes = [size_of(flatten(to_dict(experiment))) for experiment in experiments]
    new: dict[str, Experiment] = {}
    for size, experiment in zip(sizes, experiments, strict=True):
        if size not in seconds:
            new.setdefault(size, experiment)
    known = sum(size not in new for size in sizes)
    seconds |= measure(new, outputs)
    means = [statistics.fmean(seconds[size]) for size in sizes]
    needed = (
        statistics.fmean(space[size]) if size in space else files_of(parameters(experiment), experiment, figures, tracked)
        for size, experiment in zip(sizes, experiments, strict=True)
    )
    return Forecast(means, known, sum(needed))


def size_of(config: Mapping[str, object]) -> str:
    """What runs that take the same time have in common, of a flat config."""
    kept = {key: value for key, value in config.items() if key.split(".")[0] in SIZE and not key.startswith("optimizer.")}
    return json.dumps(kept, sort_keys=True, default=str)


def learn(finished: Iterable[Path]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds and bytes of the finished runs by their size."""
    seconds: dict[str, list[float]] = {}
    space: dict[str, list[float]] = {}
    for n, folder in enumerate(finished):
        if n >= MOST_READ:
            break
        result = read_json(folder / "result.json")
        try:
            size = size_of(flatten(read_config(folder / "config.yaml")))
        except (OSError, ValueError):
            continue
        taken = result.get("seconds")
        if result.get("status") == "finished" and isinstance(taken, float) and math.isfinite(taken):
            seconds.setdefault(size, []).append(taken)
            copies = 2 if (folder / "journal.jsonl").exists() else 1
            space.setdefault(size, []).append(copies * sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    return seconds, space


def measure(new: Mapping[str, Experiment], outputs: Path) -> dict[str, list[float]]:
    """Seconds of a run of each size, from a few steps of it; beyond `MOST_MEASURED` sizes in proportion to their arithmetic."""
    found: dict[str, list[float]] = {}
    rates: list[float] = []
    for n, (size, experiment) in enumerate(new.items()):
        data = load_data(experiment, outputs)
        work = parameters(experiment, data) * len(data.train) * experiment.training.epochs
        seconds = statistics.fmean(rates) * work if rates else 0.0
        if n < MOST_MEASURED or not rates:
            try:
                seconds = run_seconds(experiment, data)
            except UserError:
                seconds = 0.0  # the run itself will say why it cannot be
            rates.append(seconds / work)
        found[size] = [seconds]
    return found


def run_seconds(experiment: Experiment, data: Dataset) -> float:
    """Seconds of a run, from the median of a few steps; a validation example costs a third of one that is learned from."""
    times: list[float] = []

    def enough() -> str | None:
        times.append(perf_counter())
        slow = len(times) > 3 and times[-1] - times[0] > LONGEST
        return "measured" if slow or len(times) > STEPS else None

    training = dataclasses.replace(experiment.training, processes=1, epochs=max(experiment.training.epochs, STEPS))
    run(dataclasses.replace(experiment, training=training), data, interrupted=enough)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    batch = experiment.batch_size(data)
    return step * experiment.training.epochs * (math.ceil(len(data.train) / batch) + len(data.val) / 3 / batch)


def parameters(experiment: Experiment, data: Dataset | None = None) -> int:
    """About how many weights the network has: those between its layers."""
    n_in, n_out = (data.n_features, data.n_classes) if data else (784, 10)
    return sum((a + 1) * b for a, b in experiment.weight_shapes(n_in, n_out))


def files_of(n_parameters: int, experiment: Experiment, figures: bool, tracked: bool) -> float:
    """Bytes that a run leaves, in its folder and in MLflow's."""
    weights = n_parameters * np.dtype(experiment.training.dtype).itemsize
    return (2 if tracked else 1) * (weights + OTHER_FILES + figures * FIGURES)
