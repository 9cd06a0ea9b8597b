"""What a study is told of runs, whatever they are searched by, and when a run is pruned."""

import dataclasses
import itertools
import math

import pytest

optuna = pytest.importorskip("optuna")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from mnist_np.component import ConfigError  # noqa: E402
from mnist_np.experiment import Training  # noqa: E402
from mnist_np.metrics import METRICS  # noqa: E402
from mnist_np.sweep.pruning import Pruning  # noqa: E402
from mnist_np.sweep.samplers import make_sampler  # noqa: E402
from mnist_np.sweep.settings import Search, Sweep  # noqa: E402
from mnist_np.sweep.space import Space  # noqa: E402
from mnist_np.sweep.study import (  # noqa: E402
    KnownRun,
    add_known_runs,
    open_study,
    outcome,
    pruning_metric,
    study_name,
    why_not_pruned,
    why_random,
)
from mnist_np.sweep.study_storage import StudyStorage  # noqa: E402
from mnist_np.training.events import EpochEnd, StopTraining  # noqa: E402
from mnist_np.training.metric_names import run_metrics  # noqa: E402
from tests.sweep.made_up import child  # noqa: E402

METRIC_NAMES = run_metrics(Training(metrics=list(METRICS)), True)
SAMPLERS = ["tpe", "random", "cmaes", "grid", "qmc"]
LR = FloatDistribution(0.001, 10.0, log=True)
SPACE = Space({"lr": LR, "n": IntDistribution(1, 64), "a": CategoricalDistribution(["relu", "tanh"])})


@pytest.mark.parametrize("direction", ["maximize", "minimize", None])
@pytest.mark.parametrize("metric", METRIC_NAMES)
def test_a_diverged_run_is_worse_than_every_finished_one(metric, direction):
    sweep = Sweep(metric=metric, direction=direction)
    _, (diverged,) = outcome(child({"lr": "9"}, 0.1, "diverged"), sweep)
    for value in (-1e300, -1.0, 0.0, 1e-9, 1.0, 3e6, 1e300):
        finished = dataclasses.replace(child({"lr": "1"}, 0.9), metrics={metric: value})
        state, (told,) = outcome(finished, sweep)
        assert state == TrialState.COMPLETE
        assert told == value
        assert told > diverged if sweep.maximize else told < diverged


def test_with_several_objectives_a_diverged_run_is_the_worst_in_each():
    sweep = Sweep(search=Search(metrics=["model/parameters", "test/accuracy"], directions=["minimize", "maximize"]))
    assert outcome(child({"lr": "9"}, 0.1, "diverged"), sweep)[1] == [-math.inf, math.inf, -math.inf]
    assert outcome(child({"lr": "9"}, 0.1, "pruned"), sweep) == (TrialState.FAIL, None)


def test_an_objective_that_is_not_finite_is_the_worst_and_what_is_not_over_is_not_told():
    assert outcome(child({"lr": "9"}, 0.9), Sweep(metric="test/loss"))[1] == [math.inf]
    assert outcome(child({"lr": "9"}, 0.9, "killed"), Sweep()) is None
    assert outcome(child({"lr": "9"}, 0.9, "running"), Sweep()) is None
    assert outcome(child({"lr": "9"}, 0.9, "failed"), Sweep()) == (TrialState.FAIL, None)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("keys", [["lr", "n", "a"], ["lr", "n"], ["lr"], ["a"]], ids="-".join)
@pytest.mark.parametrize("startup", [0, 3])
def test_a_sampler_goes_on_when_runs_diverge(sampler, objectives, keys, startup):
    """Every other run, and then all of them: infinite values must not stop what proposes the next."""
    if sampler == "cmaes":
        pytest.importorskip("cmaes")
    if sampler == "cmaes" and objectives > 1:
        with pytest.raises(ConfigError, match="one objective"):
            Search(sampler=sampler, metrics=["model/parameters"])
        return
    space = Space({key: SPACE.distributions[key] for key in keys})
    if sampler == "grid" and "lr" in keys:
        with pytest.raises(ConfigError, match="lr is an interval"):
            make_sampler(Search(sampler=sampler), space, 0)
        return
    directions = ["minimize", "maximize"][:objectives]
    for diverged in (lambda i: i % 2, lambda i: True):
        study = optuna.create_study(
            directions=directions, sampler=make_sampler(Search(sampler=sampler, startup_trials=startup), space, 0)
        )
        for i in range(10):
            trial = study.ask(dict(space.distributions))
            values = [math.inf, -math.inf] if diverged(i) else [1.0, float(i)]
            study.tell(trial, values[:objectives])
            assert space.parse({key: str(value) for key, value in trial.params.items()}) == trial.params
        assert len(study.trials) == 10


def test_cmaes_says_where_it_has_nothing_to_learn():
    assert "all values are random" in why_random(Search(sampler="cmaes"), Space({"lr": LR, "a": SPACE.distributions["a"]}))
    assert why_random(Search(sampler="cmaes"), SPACE) is None
    assert why_random(Search(sampler="tpe"), Space({"lr": LR})) is None


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("best/val_accuracy", "val/accuracy"),
        ("best/val_loss", "val/loss"),
        ("best/val_nll", "val/nll"),
        ("best/epoch", None),
        ("test/accuracy", None),
        ("time/total_s", None),
        ("model/parameters", None),
    ],
)
def test_a_search_prunes_by_its_own_metric_or_not_at_all_and_says_so(metric, expected):
    sweep = Sweep(metric=metric)
    assert pruning_metric(sweep) == expected
    assert (why_not_pruned(sweep) is None) == (expected is not None)
    if expected is None:
        assert why_not_pruned(sweep) == f"sweep.search.pruner=median has no effect: {metric} has no value for each epoch"
    assert why_not_pruned(Sweep(metric=metric, search=Search(pruner="none"))) is None
    several = Sweep(search=Search(metrics=["model/parameters"]))
    assert pruning_metric(several) is None
    assert "several objectives" in why_not_pruned(several)


def epochs(study, storage, sweep, values):
    """A run of the study ``study`` whose epochs have ``values``; gives how many epochs it is let run."""
    trial = study.ask(dict(SPACE.distributions))
    mine = dataclasses.replace(sweep, trial=trial.number, study=study.study_name)
    metric = pruning_metric(mine)
    pruning = Pruning(storage, mine, metric)
    pruning.on_start(None)
    for i, value in enumerate(values):
        try:
            pruning.on_epoch(EpochEnd(i + 1, {metric: value, "val/other": 0.0}, None, None))
        except StopTraining:
            study.tell(trial.number, state=TrialState.PRUNED)
            return i + 1
    study.tell(trial.number, [values[-1]])
    return len(values)


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
@pytest.mark.parametrize("metric", ["best/val_accuracy", "best/val_loss"])
def test_the_poor_run_is_pruned_in_the_metrics_own_direction(pruner, metric, tmp_path):
    storage = StudyStorage(tmp_path / "study.journal")
    good, poor = [0.9, 0.95, 0.97, 0.98, 0.985, 0.99], [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    if metric == "best/val_loss":
        good, poor = [1 - v for v in good], [1 - v for v in poor]
    sweep = Sweep(metric=metric, search=Search(pruner=pruner, startup_trials=2, warmup_epochs=1))
    study, _ = open_study(storage, "s", sweep, SPACE)
    assert epochs(study, storage, sweep, poor) == 6  # among those that nobody may prune
    assert epochs(study, storage, sweep, good) == 6
    lengths = [epochs(study, storage, sweep, poor) for _ in range(4)]
    assert min(lengths) == 2  # never in the first epoch, which is for warming up
    assert epochs(study, storage, sweep, good) == 6


def test_a_run_that_goes_on_reports_an_epoch_once(tmp_path):
    storage, sweep = StudyStorage(tmp_path / "study.journal"), Sweep()
    study, _ = open_study(storage, "s", sweep, SPACE)
    trial = study.ask(dict(SPACE.distributions))
    mine = dataclasses.replace(sweep, trial=trial.number, study="s")
    for _ in range(2):
        pruning = Pruning(storage, mine, "val/accuracy")
        pruning.on_start(None)
        pruning.on_epoch(EpochEnd(1, {"val/accuracy": 0.5}, None, None))
    assert study.trials[0].intermediate_values == {1: 0.5}


def test_a_study_is_its_space_objectives_and_config_in_any_order():
    turned = Space(dict(reversed(list(SPACE.distributions.items()))))
    name = study_name(Sweep(), SPACE, ["a", "b"])
    assert study_name(Sweep(), turned, ["b", "a"]) == name
    assert study_name(Sweep(direction="maximize"), SPACE, ["a", "b"]) == name
    others = [
        study_name(Sweep(), Space({"lr": LR}), ["a", "b"]),
        study_name(Sweep(), SPACE, ["a", "c"]),
        study_name(Sweep(metric="best/val_loss"), SPACE, ["a", "b"]),
        study_name(Sweep(direction="minimize"), SPACE, ["a", "b"]),
        study_name(Sweep(search=Search(metrics=["model/parameters"])), SPACE, ["a", "b"]),
    ]
    assert len({name, *others}) == 6


def test_a_new_study_knows_the_runs_before_it(tmp_path):
    storage, sweep = StudyStorage(tmp_path / "study.journal"), Sweep(metric="best/val_accuracy")
    point = {"lr": 0.1, "n": 3, "a": "relu"}
    children = [child({}, 0.9, status) for status in ("finished", "diverged", "pruned", "failed", "killed")]
    runs = [KnownRun(point | {"n": i + 1}, f"f{i}", one) for i, one in enumerate(children)]
    study, counts = open_study(storage, "space-rest", sweep, SPACE)
    assert counts  # the file was lost: these are its runs
    for _ in range(2):  # one that was killed while it was told begins again
        add_known_runs(study, runs, sweep, SPACE, counts)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert study.trials[1].value == -math.inf
    assert study.trials[2].intermediate_values == {int(row["epoch"]): row["val/accuracy"] for row in children[2].history}
    assert open_study(storage, "space-other", sweep, SPACE)[1]  # the same space, looked at by another metric
    assert not open_study(storage, "wider-rest", sweep, SPACE)[1]


def test_a_proposal_does_not_depend_on_the_process_but_on_seed_and_trials_made():
    for sampler, made in itertools.product(["tpe", "random", "qmc"], [0, 3]):
        proposals = []
        for _ in range(2):
            study = optuna.create_study(sampler=make_sampler(Search(sampler=sampler, seed=1), SPACE, made))
            proposals.append([study.ask(dict(SPACE.distributions)).params for _ in range(3)])
        assert proposals[0] == proposals[1]
