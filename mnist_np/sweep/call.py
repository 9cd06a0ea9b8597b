"""A sweep from Python: what `mnist_np.sweep` does when it is called."""

from __future__ import annotations

import dataclasses
import multiprocessing
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mnist_np.component import Component, ConfigError, RunFailed, did_you_mean
from mnist_np.experiment import Experiment
from mnist_np.invocation import default_outputs
from mnist_np.plugins import loaded_plugins
from mnist_np.serialize import flatten, from_dict, to_dict
from mnist_np.sweep.conditions import as_written
from mnist_np.sweep.ending import SweepFailed
from mnist_np.sweep.exclusion import Exclusion
from mnist_np.sweep.executor import Executor, InProcess, launch
from mnist_np.sweep.grid import check_groups, points
from mnist_np.sweep.job import run_child
from mnist_np.sweep.job_identity import job_of
from mnist_np.sweep.plan import Job
from mnist_np.sweep.pool import WorkerPool
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import SweepRunner
from mnist_np.sweep.saved_sweep import SavedSweep, whole
from mnist_np.sweep.settings import Sweep
from mnist_np.sweep.worker import Task, run_task
from mnist_np.terminal import print_error
from mnist_np.tracking.settings import Tracking
from mnist_np.training.metric_names import run_metrics


def sweep(
    experiment: Experiment,
    vary: Mapping[str, Iterable[object]],
    *,
    workers: int = 1,
    zip: Sequence[Sequence[str]] = (),
    exclude: Sequence[str] = (),
    metric: str = "best/val_accuracy",
    direction: str | None = None,
    name: str | None = None,
    tracking: bool = True,
    outputs: str | Path | None = None,
) -> SavedSweep:
    """Train an experiment for each combination of values; runs that are finished already are taken as they are.

        swept = sweep(Experiment(), {"optimizer.lr": [0.1, 0.2], "seed": range(3)}, workers=2)
        swept.table()

    Args:
        experiment: what all runs share.
        vary: dotted keys with their values; an option of a group by its name (``"optimizer": ["sgd", "adam"]``) or as a
            component. A named option starts from its own defaults, not from the experiment's values.
        workers: processes that train side by side; with 1 the runs are made in this process, one after the other.
        zip: groups of keys whose values are paired in order.
        exclude: conditions on combinations to leave out: ``"optimizer=sgd and optimizer.lr<0.01"``.
        metric: ranks the runs.
        direction: ``minimize`` or ``maximize``; default: what suits the metric, which of a plugin's is ``maximize``.
        name: the sweep's name; default: the keys that vary.
        tracking: whether the runs are logged to the MLflow store in ``outputs``.
        outputs: the folder of all results; default: MNIST_NP_OUTPUTS, or ``outputs``.

    Returns:
        The sweep's runs, ranked over their seeds; also as tables of pandas.

    Raises:
        ConfigError: a key or a value that cannot be, before anything runs.
        RunFailed: some runs failed; ``load_sweep`` gives the others.
        KeyboardInterrupt: the sweep was interrupted; the same call goes on with it.
    """
    root = Path(outputs or default_outputs())
    if type(workers) is not int or workers < 1:
        raise ConfigError("workers", workers, "must be a whole number from 1 on")
    if workers > 1:
        refuse_script_without_guard()
        if getattr(sys.modules["__main__"], "__file__", None) == "<stdin>":
            raise ConfigError("workers", workers, "must be 1 for a script from standard input: workers could not run it too")
    if isinstance(exclude, str) or any(isinstance(group, str) for group in zip):
        key, value, allowed = ("exclude", exclude, "conditions") if isinstance(exclude, str) else ("zip", zip, "lists of keys")
        raise ConfigError(key, value, f"must be a list of {allowed}: [{value!r}]")
    settings = Sweep(name=name, metric=metric, direction=direction, zip=[list(group) for group in zip], exclude=list(exclude))
    base = RunConfig(
        **{f.name: getattr(experiment, f.name) for f in dataclasses.fields(Experiment)},
        tracking=Tracking(backend="sqlite" if tracking else "off"),
        sweep=settings,
        outputs=str(root),
        plugins=loaded_plugins(),
    )
    listed = {key: values_of(key, values) for key, values in vary.items()}
    given = {key: {text_of(value): value for value in values} for key, values in listed.items()}
    if empty := [key for key, values in given.items() if not values]:
        raise ConfigError(empty[0], [], "has no values")
    axes = {key: [text_of(value) for value in values] for key, values in listed.items()}
    jobs = plan(base, axes, given)
    known = dict.fromkeys(name for _, config in jobs.values() for name in run_metrics(config.training, True))
    if metric not in known:
        raise ConfigError(
            "metric", metric, f"no such metric; {did_you_mean(metric, list(known))}must be one of {', '.join(known)}"
        )
    if workers > 1:
        check_importable(config for _, config in jobs.values())
    fixed = differences(experiment, vary)
    runner = SweepRunner(next(iter(jobs.values()))[1], list(vary), fixed, len(jobs), argv=())
    try:
        with runner:
            launch(runner, [ready for job, config in jobs.values() if (ready := runner.ready(job, config))], executor(workers))
    except SweepFailed as failed:
        if failed.code == 130:
            raise KeyboardInterrupt(str(failed)) from None
        raise RunFailed(str(failed)) from None
    return SavedSweep(whole(runner.folder.path), whole(root))


def refuse_script_without_guard() -> None:
    """End a worker that has come here while it imports the script that started it: it would start workers of its own."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        print_error('a script that asks for several workers must call sweep() below if __name__ == "__main__":')
        raise SystemExit(1)


def check_importable(configs: Iterable[RunConfig]) -> None:
    """Raise ConfigError for a component that a notebook, or text given to Python, defines: workers could not import it."""
    if hasattr(sys.modules["__main__"], "__file__"):
        return
    for config in configs:
        for group, part in vars(config.experiment).items():
            if isinstance(part, Component) and type(part).__module__ == "__main__":
                where = "is defined here, where workers cannot import it: put it into a module, or take workers=1"
                raise ConfigError(group, text_of(part), where)


def values_of(key: str, values: Iterable[object]) -> list[object]:
    """The values of a key, those of NumPy as Python's own. Raises ConfigError for a single value."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigError(key, values, f"must be a list of values: [{values!r}]")
    return [value.tolist() if isinstance(value, np.generic | np.ndarray) else value for value in values]


def plan(
    base: RunConfig, axes: Mapping[str, Sequence[str]], given: Mapping[str, Mapping[str, object]]
) -> dict[str, tuple[Job, RunConfig]]:
    """The jobs of all combinations, each result once. Raises ConfigError."""
    check_groups([axes], base.sweep.zip)
    exclusion, digests = Exclusion(base.sweep.exclude), dict[str, str]()
    jobs: dict[str, tuple[Job, RunConfig]] = {}
    for varied in points(axes, base.sweep.zip):
        values = {key: given[key][text] for key, text in varied.items()}
        overrides = [f"{key}={option_of(value)}" for key, value in values.items()]
        compose = partial(with_values, base, values)
        if config := exclusion.unless_left_out(overrides, compose):
            job = job_of(config, varied, digests)
            jobs.setdefault(job.fingerprint, (job, config))
    exclusion.check(not jobs)
    return jobs


def with_values(base: RunConfig, values: Mapping[str, object]) -> RunConfig:
    """A copy with other values; options of groups are chosen before their keys are set. Raises ConfigError."""
    described = to_dict(base.experiment)
    for key in sorted(values, key=lambda key: key.count(".")):
        *parents, last = key.split(".")
        node = described
        for parent in parents:
            inner = node.get(parent)
            if not isinstance(inner, dict):
                raise ConfigError(key, values[key], f"{parent} has no keys; {did_you_mean(parent, list(node))}".rstrip("; "))
            node = inner
        value = values[key]
        if isinstance(value, Component):
            node[last] = to_dict(value)
        elif isinstance(node.get(last), dict):
            node[last] = {"name": value}
        else:
            node[last] = list(value) if isinstance(value, tuple) else value
    made = from_dict(Experiment, described)
    parts = {f.name: getattr(made, f.name) for f in dataclasses.fields(Experiment)}
    return dataclasses.replace(base, sweep=dataclasses.replace(base.sweep), **parts)


def text_of(value: object) -> str:
    """A value as a name and a table show it: ``0.1``, ``[64,32]``, ``adam``, ``adam(lr=0.01)``."""
    if not isinstance(value, Component):
        return as_written(value)
    described, usual = to_dict(value), to_dict(type(value)())
    keys = ",".join(f"{key}={as_written(v)}" for key, v in described.items() if v != usual[key])
    return f"{option_of(value)}({keys})" if keys else option_of(value)


def option_of(value: object) -> str:
    """A value as a condition compares it: ``adam`` for every Adam, whose keys are compared by themselves.

    What is no option among others, such as ``Training``, has no name but its group's.
    """
    return str(to_dict(value).get("name", value.group)) if isinstance(value, Component) else as_written(value)


def differences(experiment: Experiment, vary: Iterable[str] = ()) -> list[str]:
    """What an experiment has other than the default one, as overrides: what is fixed in its sweep.

    What varies is not fixed, nor are the keys below it, which each option has of its own.
    """
    usual, above = flatten(to_dict(Experiment())), tuple(f"{key}." for key in vary)
    mine = {key: value for key, value in flatten(to_dict(experiment)).items() if not f"{key}.".startswith(above)}
    return [f"{key}={as_written(value)}" for key, value in mine.items() if key not in usual or usual[key] != value]


def executor(workers: int) -> Executor[Task]:
    """Makes the runs here, one after the other, or in as many processes as there are ``workers``."""
    if workers > 1:
        return WorkerPool(workers, run_task)
    return InProcess(lambda task: run_child(from_dict(RunConfig, task.config), Path(task.folder)))
