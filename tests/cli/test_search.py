"""Searches by the real command line: every sampler, pruner and launcher; repeated, excluded and impossible points."""

import itertools
import math
import re

import pytest

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402
from searches import LAUNCHERS, LR, PRUNERS, SAMPLERS, search, studies, trials  # noqa: E402

from tests.programs import results  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_sweep_figures")
ALL = list(itertools.product(SAMPLERS, PRUNERS, ["basic", "local"]))
ONE_OF_EACH = [
    ("tpe", "median", "local"),
    ("random", "none", "basic"),
    ("cmaes", "halving", "local"),
    ("qmc", "hyperband", "basic"),
]
ONE_OF_EACH += [("grid", "median", "local")]


def check_combination(sampler, pruner, launcher, outputs, capsys):
    """A small search of six runs, in two starts, each with what the study was told of it."""
    if sampler == "cmaes":
        pytest.importorskip("cmaes")
    space = [
        "optimizer.lr=0.01,0.1,1.0" if sampler == "grid" else LR,
        "training.batch_size=range(8,64,8)",
        "activation=relu,tanh",
    ]
    settings = [f"sweep.search.sampler={sampler}", f"sweep.search.pruner={pruner}", "sweep.search.startup_trials=1"]
    settings += ["sweep.search.warmup_epochs=0", *LAUNCHERS[launcher]]
    for n in (4, 6):
        assert search(outputs, *space, *settings, trials=n) == 0
        assert len(results(outputs)) == n
    said = capsys.readouterr()
    assert said.err == ""
    assert "6 runs: " in said.out
    finished = [result for result in results(outputs).values() if result["status"] == "finished"]
    told = [trial for trial in trials(outputs) if trial.state == TrialState.COMPLETE]
    assert sorted(trial.value for trial in told) == sorted(result["metrics"]["best/val_accuracy"] for result in finished)
    assert {trial.state for trial in trials(outputs)} <= {TrialState.COMPLETE, TrialState.PRUNED}
    if pruner == "none":
        assert len(finished) == 6


@pytest.mark.parametrize(("sampler", "pruner", "launcher"), ONE_OF_EACH)
def test_a_search_with_each_sampler_pruner_and_launcher(sampler, pruner, launcher, tmp_path, capsys):
    check_combination(sampler, pruner, launcher, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "pruner", "launcher"), sorted(set(ALL) - set(ONE_OF_EACH)))
def test_a_search_with_every_sampler_pruner_and_launcher(sampler, pruner, launcher, tmp_path, capsys):
    check_combination(sampler, pruner, launcher, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_by_a_launcher_of_others(sampler, tmp_path, capsys):
    pytest.importorskip("submitit")
    check_combination(sampler, "median", "slurm_local", tmp_path, capsys)


@pytest.mark.parametrize("launcher", ["basic", "local"])
def test_points_that_repeat_are_told_at_once_and_a_known_space_ends_the_search(launcher, tmp_path, capsys):
    assert search(tmp_path, "activation=choice(relu,tanh)", *LAUNCHERS[launcher], trials=40) == 0
    assert len(results(tmp_path)) == 2
    said = capsys.readouterr().out
    assert "the search has ended: all 2 points of its space are known" in said
    assert "2 runs: 2 finished" in said
    by_value = {trial.params["activation"]: set() for trial in trials(tmp_path)}
    for trial in trials(tmp_path):
        by_value[trial.params["activation"]].add(trial.value)
    assert {len(values) for values in by_value.values()} == {1}
    assert search(tmp_path, "activation=choice(relu,tanh)", *LAUNCHERS[launcher], trials=40) == 0
    assert "2 runs: 2 finished (2 of them earlier)" in capsys.readouterr().out


def test_different_values_of_the_same_config_run_once(tmp_path, capsys):
    assert search(tmp_path, "training.checkpoint_every_epochs=1,2,3", trials=9) == 0
    assert len(results(tmp_path)) == 1
    assert "all 3 points of its space are known" in capsys.readouterr().out


def test_a_search_over_one_key_with_one_choice_and_one_trial(tmp_path, capsys):
    assert search(tmp_path, "activation=choice(relu)", trials=1) == 0
    assert len(results(tmp_path)) == 1
    assert search(tmp_path, "optimizer.lr=interval(0.5,0.5)", trials=5) == 0
    assert "all 1 points" in capsys.readouterr().out


def test_what_is_excluded_is_not_tried_and_another_exclusion_knows_the_runs(tmp_path, capsys):
    def searched(*conditions):
        code = search(tmp_path, "activation=relu,tanh", "optimizer.lr=0.1,0.2,0.3", *conditions, trials=6)
        return code, {name.rpartition("-")[0] for name in results(tmp_path)}

    assert search(tmp_path, "activation=relu,tanh", LR, "sweep.exclude=['optimizer.lrr>1']", trials=1) == 2
    assert "no run has the key optimizer.lrr; did you mean 'optimizer.lr'" in capsys.readouterr().err
    code, found = searched("sweep.exclude=['activation=tanh and optimizer.lr>0.15']")
    assert (code, found) == (0, {f"activation={x}" for x in ("relu-lr=0.1", "relu-lr=0.2", "relu-lr=0.3", "tanh-lr=0.1")})
    assert "leaves out" in capsys.readouterr().out
    code, found = searched()
    assert (code, len(found)) == (0, 6)


def test_what_is_excluded_need_not_be_possible(tmp_path, capsys):
    keys = ["optimizer=sgd,adam", "optimizer.beta1=0.8,0.9"]
    assert search(tmp_path, *keys, "sweep.exclude=['optimizer=sgd and optimizer.beta1<0.9']") == 2
    assert "in the combination optimizer=sgd optimizer.beta1=0.9; sweep.exclude" in capsys.readouterr().err
    assert search(tmp_path, *keys, "sweep.exclude=['optimizer.beta1>0']") == 2
    assert "leaves out every combination" in capsys.readouterr().err
    assert not results(tmp_path)
    assert search(tmp_path, *keys, "sweep.exclude=['optimizer=sgd']") == 0
    assert sorted(name[:-9] for name in results(tmp_path)) == ["optimizer=adam-beta1=0.8", "optimizer=adam-beta1=0.9"]


@pytest.mark.parametrize("metric", ["model/parameters", "best/val_accuracy", "test/loss"])
def test_a_search_in_which_runs_diverge_never_takes_them_for_the_best(metric, tmp_path, capsys):
    diverging = ["activation=identity", "optimizer.lr=1e30,0.01"]
    assert search(tmp_path, *diverging, f"sweep.metric={metric}", "sweep.search.pruner=none", trials=5) == 0
    assert sorted(result["status"] for result in results(tmp_path).values()) == ["diverged", "finished"]
    study = studies(tmp_path)[-1]
    assert study.best_trial.params == {"optimizer.lr": "0.01"}
    assert [trial.value for trial in study.trials if trial.params["optimizer.lr"] == "1e+30"] == [
        math.inf if study.direction.name == "MINIMIZE" else -math.inf
    ]
    assert "1 diverged" in capsys.readouterr().out


def test_a_search_in_which_every_run_diverges_comes_to_its_end(tmp_path, capsys):
    diverging = ["activation=identity", "optimizer.lr=interval(1e29,1e30)"]
    assert search(tmp_path, *diverging, trials=4) == 0
    assert "4 runs: 4 diverged" in capsys.readouterr().out


def test_several_objectives_have_their_directions_and_no_pruner(tmp_path, capsys):
    objectives = ["sweep.search.metrics=[time/total_s,best/val_loss]", "sweep.search.startup_trials=1"]
    assert search(tmp_path, LR, *objectives, trials=4) == 0
    (study,) = studies(tmp_path)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert all(len(trial.values) == 3 for trial in study.trials)
    assert "sweep.search.pruner=median has no effect: there are several objectives" in capsys.readouterr().out


def test_a_metric_without_epochs_prunes_nothing_and_says_so_once(tmp_path, capsys):
    assert search(tmp_path, LR, "sweep.metric=time/total_s", "sweep.search.startup_trials=0", trials=4) == 0
    said = capsys.readouterr().out
    assert said.count("sweep.search.pruner=median has no effect: time/total_s has no value for each epoch") == 1
    assert {result["status"] for result in results(tmp_path).values()} == {"finished"}


def test_proposed_numbers_can_be_read(tmp_path):
    assert search(tmp_path, LR, "training.l2=interval(0,0.1)", "sweep.search.sampler=random", trials=4) == 0
    for trial in trials(tmp_path):
        for value in trial.params.values():
            assert value == float(f"{value:.3g}")
    names = {re.sub(r"-\w{8}$", "", name) for name in results(tmp_path)}
    assert names == {f"l2={t.params['training.l2']}-lr={t.params['optimizer.lr']}" for t in trials(tmp_path)} or names == {
        f"lr={t.params['optimizer.lr']}-l2={t.params['training.l2']}" for t in trials(tmp_path)
    }


def test_values_that_cannot_go_together_are_passed_over(tmp_path, capsys):
    """The first values of both keys exclude each other, but each value is possible beside another."""
    assert search(tmp_path, "training.ema=0.9,null", "training.swa_start=1,null", trials=9) == 0
    assert sorted(name[:-9] for name in results(tmp_path)) == [
        *("ema=0.9-swa_start=null", "ema=null-swa_start=1", "ema=null-swa_start=null")
    ]
    said = capsys.readouterr().out
    assert (
        "values that cannot go together were passed over, the last: training.swa_start = 1: the weights are averaged one way"
        in said
    )
    assert "all 4 points of its space are known" in said
    assert [trial.state for trial in trials(tmp_path)].count(TrialState.FAIL) == 1
    assert search(tmp_path, "training.ema=0.9,null", "training.swa_start=1,null", trials=9) == 0
    assert len(results(tmp_path)) == 3


def test_examples_that_are_not_there_are_passed_over_whichever_values_come_first(tmp_path, capsys):
    sizes = ["data.validation_size=32,120", "data.train_size=120,32"]  # of 160 examples
    assert search(tmp_path, *sizes, "sweep.search.sampler=grid", trials=9) == 0
    assert "passed over, the last: data.train_size = 120: must be at most 40" in capsys.readouterr().out
    assert len(list(tmp_path.glob("sweeps/*/*/result.json"))) == 3
