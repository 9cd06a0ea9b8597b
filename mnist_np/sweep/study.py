"""The Optuna study of a search, and how results are reported to it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.sweep.children import Child
from mnist_np.sweep.settings import Search, Sweep
from mnist_np.sweep.space import Point, Space, import_optuna
from mnist_np.sweep.study_storage import StudyStorage
from mnist_np.training.metric_names import epoch_metric

if TYPE_CHECKING:
    import optuna
    from optuna.trial import TrialState

FINGERPRINT, COUNTS, IMPOSSIBLE = "fingerprint", "counts", "impossible"
"""Attributes of a trial: its run's fingerprint, whether it counts towards ``trials``, and why its values cannot go together."""

KNOWS_RUNS = "knows_runs"
"""Attribute of a study to which the results of earlier runs have been added."""


@dataclass(frozen=True)
class KnownRun:
    """A run that was there before its study: its point in the space, its fingerprint, and what became of it."""

    point: Point
    fingerprint: str
    child: Child


def pruning_metric(sweep: Sweep) -> str | None:
    """The metric of each epoch that a search's runs are pruned by: that of which ``sweep.metric`` is a value.

    None where there is no such metric, where several objectives leave nothing to compare by, and where nothing is to be pruned.
    """
    if sweep.search.pruner == "none" or sweep.search.metrics or sweep.search.seeds > 1:
        return None
    return epoch_metric(sweep.metric)


def why_not_pruned(sweep: Sweep) -> str | None:
    """A note for a user whose pruner is not used; None if it is used, or if none is set."""
    if sweep.search.pruner == "none" or pruning_metric(sweep) or (sweep.search.seeds > 1 and not sweep.search.metrics):
        return None
    reason = "there are several objectives" if sweep.search.metrics else f"{sweep.metric} has no value for each epoch"
    return f"sweep.search.pruner={sweep.search.pruner} has no effect: {reason}"


def why_random(search: Search, space: Space) -> str | None:
    """A note for a user whose search space is too small for the sampler to model."""
    numbers = [key for key, values in space.values.items() if not isinstance(values, tuple)]
    if search.sampler != "cmaes" or len(numbers) > 1:
        return None
    return "sweep.search.sampler=cmaes needs two keys or more with intervals or ranges of numbers: all values are random"


def check_study(storage: StudyStorage, search: Search, space: Space) -> None:
    """Raise ConfigError where the sampler cannot be used, UserError where what is in the storage is no study of this Optuna."""
    from mnist_np.sweep.samplers import make_sampler

    make_sampler(search, space, 0)
    storage.check()


def study_name(sweep: Sweep, space: Space, corners: Iterable[str]) -> str:
    """The name of a study: a hash of its space, and one of what else its values depend on.

    Args:
        sweep: the sweep's settings, with the objectives.
        space: the values that are searched.
        corners: fingerprints of the space's `corners`, which tell a changed recipe.
    """
    seeds = [sweep.search.seeds] if sweep.search.seeds > 1 else []
    excluded = [sorted(sweep.exclude)] if sweep.exclude else []
    texts = space.describe(), [sorted(sweep.objectives.items()), *sorted(corners), *seeds, *excluded]
    return "-".join(hashlib.sha256(json.dumps(text).encode()).hexdigest()[:8] for text in texts)


def points_begun(storage: StudyStorage, folder: Path, name: str) -> list[dict[str, str]]:
    """The points, as texts, that earlier starts of the search ``name`` in ``folder`` have begun, each once; makes nothing.

    Those of a search over the same space by another metric count: it takes their runs.
    """
    from optuna.trial import TrialState

    if not storage.exists(folder):
        return []
    owned = storage.owned(folder)
    opened = owned.open()
    names = sorted(owned.names(opened), key=lambda other: other != name)
    same = next((other for other in names if other.split("-")[0] == name.split("-")[0]), None)
    if same is None:
        return []
    trials = import_optuna().load_study(study_name=owned.prefix + same, storage=opened).get_trials(deepcopy=False)
    counted = [trial for trial in trials if trial.state != TrialState.FAIL and trial.user_attrs.get(COUNTS, True)]
    points = [{key: str(value) for key, value in trial.params.items()} for trial in counted if trial.params]
    return list({tuple(point.items()): point for point in points}.values())


def open_study(storage: StudyStorage, name: str, sweep: Sweep, space: Space) -> tuple[optuna.Study, bool]:
    """The study ``name``, made or continued, and whether earlier runs count towards its ``trials``.

    They do not where the space has changed since: that is another search, which only learns from them.
    """
    opened, directions = storage.open(), list(sweep.objectives.values())
    others = {other.split("-")[0] for other in storage.names(opened)}
    whole = storage.prefix + name
    study = import_optuna().create_study(study_name=whole, storage=opened, load_if_exists=True, directions=directions)
    prepare(study, sweep.search, space)
    return study, not others or name.split("-")[0] in others


def prepare(study: optuna.Study, search: Search, space: Space) -> None:
    """Give the study the sampler and the pruner that the settings name."""
    from mnist_np.sweep.samplers import make_pruner, make_sampler

    study.sampler = make_sampler(search, space, len(study.get_trials(deepcopy=False)))
    study.pruner = make_pruner(search)


@lru_cache(maxsize=1)
def load_study(storage: StudyStorage, name: str, start: str | None) -> optuna.Study:
    """The study of runs that may be pruned. A worker reads it once in each ``start`` of the sweep, and then what is added."""
    study: optuna.Study = import_optuna().load_study(study_name=name, storage=storage.open())
    return study


def trial_of(study: optuna.Study, number: int) -> optuna.Trial:
    """A trial that was asked for earlier, or by another process, to report to."""
    # Optuna makes a Trial of a study's next number alone; of one that is running only by this id, which has no public name.
    trial: optuna.Trial = import_optuna().Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)
    return trial


def outcome(child: Child, sweep: Sweep) -> tuple[TrialState, list[float] | None] | None:
    """The state and the objectives of a run that are reported to the study; None if the run is not over.

    A diverged run, and an objective that is not finite, are infinitely bad: worse than every finished run. A failed run says
    nothing of its values; nor does a pruned one where there are several objectives.
    """
    from optuna.trial import TrialState

    if child.status == "pruned" and len(sweep.objectives) == 1:
        return TrialState.PRUNED, None
    if child.status in ("failed", "pruned"):
        return TrialState.FAIL, None
    if child.status not in ("finished", "diverged"):
        return None
    metrics = child.metrics if child.status == "finished" else {}
    return TrialState.COMPLETE, [metrics.get(name, worst(direction)) for name, direction in sweep.objectives.items()]


def tell_outcome(study: optuna.Study, trial: optuna.Trial, child: Child, sweep: Sweep) -> None:
    """Tell the study what became of a trial. One whose runs are not over is left: the next start goes on with it."""
    told = outcome(child, sweep)
    if told is None:
        return
    reported = study.get_trials(deepcopy=False)[trial.number].intermediate_values
    for epoch, value in curve(child, pruning_metric(sweep)).items():
        if epoch not in reported:
            trial.report(value, epoch)
    state, values = told
    study.tell(trial.number, values, state=state, skip_if_finished=True)


def worst(direction: str) -> float:
    """The value that no finished run can have: infinitely bad."""
    return -math.inf if direction == "maximize" else math.inf


def curve(child: Child, metric: str | None) -> dict[int, float]:
    """Epoch -> value of a metric that the epochs have."""
    return {int(row["epoch"]): row[metric] for row in child.history if metric in row} if metric else {}


def earlier_points(storage: StudyStorage) -> list[dict[str, str]]:
    """The values, as texts, of all trials of the sweep, of whatever study."""
    optuna, opened = import_optuna(), storage.open()
    studies = [optuna.load_study(study_name=storage.prefix + name, storage=opened) for name in storage.names(opened)]
    return [
        {key: str(value) for key, value in trial.params.items()}
        for study in studies
        for trial in study.get_trials(deepcopy=False)
    ]


def add_known_runs(study: optuna.Study, runs: Iterable[KnownRun], sweep: Sweep, space: Space, counts: bool) -> None:
    """Tell a new study of runs that were there before it, each once; ``counts`` says whether they count towards ``trials``."""
    there = {trial.user_attrs.get(FINGERPRINT) for trial in study.get_trials(deepcopy=False)}
    for run in runs:
        if run.fingerprint not in there and outcome(run.child, sweep):
            there.add(run.fingerprint)
            add_run(study, run, sweep, space, counts)
    study.set_user_attr(KNOWS_RUNS, True)


def add_finished_since(study: optuna.Study, trial: optuna.trial.FrozenTrial, run: KnownRun, sweep: Sweep, space: Space) -> None:
    """Tell a study the values of a trial's run that it pruned, and that another search has made to its end since."""
    from optuna.trial import TrialState

    if trial.state == TrialState.PRUNED and run.child.status in ("finished", "diverged"):
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if trial.params not in [other.params for other in complete]:
            add_run(study, run, sweep, space, trial.user_attrs.get(COUNTS, True))


def add_run(study: optuna.Study, run: KnownRun, sweep: Sweep, space: Space, counts: bool) -> None:
    """Add a trial with the outcome of a run that is over."""
    from optuna.trial import create_trial

    if told := outcome(run.child, sweep):
        state, values = told
        trial = create_trial(
            state=state,
            values=values,
            params=dict(run.point),
            distributions=dict(space.distributions),
            user_attrs={FINGERPRINT: run.fingerprint, COUNTS: counts},
            intermediate_values=curve(run.child, pruning_metric(sweep)),
        )
        study.add_trial(trial)
