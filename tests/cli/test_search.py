"""Searches by the real command line: every sampler, pruner and launcher; repeated points, changed spaces, kills, mistakes."""

import itertools
import json
import math
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from mnist_np.cli.train import main  # noqa: E402
from mnist_np.sweep.settings import Search  # noqa: E402
from mnist_np.sweep.study_storage import StudyStorage  # noqa: E402
from tests import programs  # noqa: E402
from tests.programs import TRAIN, results, wait_for  # noqa: E402

SMALL = ["data=synthetic", "data.examples=160", "data.validation_size=32", "training.epochs=2", "model.hidden=[4]"]
SMALL += ["tracking=off", "tracking.figures=false"]
SAMPLERS = ["tpe", "random", "cmaes", "grid", "qmc"]
PRUNERS = ["none", "median", "halving", "hyperband"]
LAUNCHERS = {
    "basic": [],
    "local": ["hydra/launcher=local", "hydra.launcher.workers=2"],
    "slurm_local": ["hydra/launcher=slurm_local", "sweep.search.parallel=2"],
}
LR = "optimizer.lr=tag(log,interval(0.01,1))"
ALL = list(itertools.product(SAMPLERS, PRUNERS, ["basic", "local"]))
ONE_OF_EACH = [
    ("tpe", "median", "local"),
    ("random", "none", "basic"),
    ("cmaes", "halving", "local"),
    ("qmc", "hyperband", "basic"),
]
ONE_OF_EACH += [("grid", "median", "local")]


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """The sweep's figures have tests of their own, and take as long as a small search."""
    monkeypatch.setattr("mnist_np.figures.sweep.draw.draw", lambda report, folder: None)


def search(outputs, *arguments, trials=4):
    return main(["hydra/sweeper=search", "-m", *SMALL, f"outputs={outputs}", f"sweep.search.trials={trials}", *arguments])


def begin(outputs, *arguments):
    return programs.begin(outputs.parent, "hydra/sweeper=search", "-m", *SMALL, f"outputs={outputs}", *arguments)


def studies(outputs):
    storage = StudyStorage.of(Search(), next(outputs.glob("sweeps/*"))).open()
    return [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]


def trials(outputs):
    return studies(outputs)[-1].trials


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


def test_other_choices_for_the_same_keys_are_another_search_that_knows_the_runs(tmp_path, capsys):
    assert search(tmp_path, "activation=relu,tanh", LR, trials=3) == 0
    assert search(tmp_path, "activation=relu,tanh,gelu", "optimizer.lr=tag(log,interval(0.005,1))", trials=2) == 0
    assert len(results(tmp_path)) == 5
    assert "5 runs: 5 finished (3 of them earlier)" in capsys.readouterr().out
    _, wider = sorted(studies(tmp_path), key=lambda study: len(study.trials))
    assert len(wider.trials) == 5
    assert search(tmp_path, "activation=gelu,sigmoid", LR, trials=2) == 0  # nothing in common but what gelu has
    assert len(results(tmp_path)) == 7
    before = results(tmp_path)
    assert search(tmp_path, "activation=tanh,relu", LR, trials=3) == 0  # the first again, in another order
    assert results(tmp_path) == before
    assert "nothing to run: 3 trials already made; a higher sweep.search.trials goes on" in capsys.readouterr().out


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


def test_another_metric_looks_at_the_same_runs_in_another_way(tmp_path, capsys):
    assert search(tmp_path, LR, trials=3) == 0
    assert search(tmp_path, LR, "sweep.metric=best/val_loss", trials=3) == 0
    assert "nothing to run" in capsys.readouterr().out
    by_loss = next(study for study in studies(tmp_path) if study.direction == optuna.study.StudyDirection.MINIMIZE)
    assert sorted(trial.value for trial in by_loss.trials) == sorted(
        r["metrics"]["best/val_loss"] for r in results(tmp_path).values()
    )


def test_an_edited_recipe_starts_anew(tmp_path):
    """Same keys, same space, another config behind them: its values must not be compared with the old ones."""
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    for rate in (0.0, 0.3):
        (folder / "mine.yaml").write_text(f"# @package _global_\nmodel:\n  dropout: {rate}\n")
        assert search(tmp_path, f"--config-dir={tmp_path / 'conf'}", "experiment=mine", LR, trials=2) == 0
    assert len(results(tmp_path)) == 4
    assert [len(study.trials) for study in studies(tmp_path)] == [2, 2]


def test_without_its_study_a_search_goes_on_from_the_runs(tmp_path, capsys):
    assert search(tmp_path, LR, trials=3) == 0
    next(tmp_path.glob("sweeps/*/study.journal")).unlink()
    assert search(tmp_path, LR, trials=4) == 0
    assert len(results(tmp_path)) == 4
    assert "4 runs: 4 finished (3 of them earlier)" in capsys.readouterr().out


def test_a_search_that_began_in_sqlite_goes_on_there(tmp_path, capsys, monkeypatch):
    """As earlier versions kept it: with the same trials, pruned by what is in it."""
    with monkeypatch.context() as earlier:
        earlier.setattr("mnist_np.sweep.study_storage.JOURNAL", "study.db")
        assert search(tmp_path, LR, trials=2) == 0
    before = trials(tmp_path)
    assert search(tmp_path, LR, trials=3) == 0
    assert "3 runs: 3 finished (2 of them earlier)" in capsys.readouterr().out
    assert not list(tmp_path.glob("sweeps/*/study.journal"))
    assert trials(tmp_path)[:2] == before
    assert [list(trial.intermediate_values) for trial in trials(tmp_path)] == [[1, 2]] * 3


def test_sweeps_in_one_database_have_studies_of_their_own(tmp_path, capsys, monkeypatch):
    """And runs that were made before there was the database are known in it."""
    monkeypatch.chdir(tmp_path)
    assert search(tmp_path / "a", LR, trials=1) == 0
    for out, n in (("a", 2), ("b", 1), ("a", 3)):
        assert search(tmp_path / out, LR, "sweep.search.storage='sqlite:///studies {all}.db'", trials=n) == 0
    assert "3 runs: 3 finished (2 of them earlier)" in capsys.readouterr().out
    storage = StudyStorage("sqlite:///studies {all}.db").open()
    found = {name: optuna.load_study(study_name=name, storage=storage).trials for name in optuna.get_all_study_names(storage)}
    assert sorted(len({trial.params["optimizer.lr"] for trial in trials}) for trials in found.values()) == [1, 3]
    assert {tuple(trial.intermediate_values) for trials in found.values() for trial in trials} == {(1, 2)}


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path, capsys):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE runs (id INTEGER)")
    other.close()
    before = path.read_bytes()
    assert search(tmp_path / "outputs", LR, f"sweep.search.storage=sqlite:///{path}") == 2
    assert capsys.readouterr().err.endswith(": holds other tables (runs, ...): a database of its own is needed\n")
    assert path.read_bytes() == before
    assert not (tmp_path / "outputs").exists()


@pytest.mark.fault
def test_a_journal_that_has_no_room_ends_the_search_in_a_line(tmp_path, capsys, monkeypatch):
    from mnist_np.sweep.journal import Journal

    append, n = Journal.append_logs, itertools.count()

    def until_full(journal, logs):
        if next(n) >= 12:
            raise OSError(28, "No space left on device", str(journal.path))
        append(journal, logs)

    with monkeypatch.context() as full:
        full.setattr(Journal, "append_logs", until_full)
        assert search(tmp_path, LR, trials=6) == 1
    assert re.fullmatch(r"error: .*study\.journal: No space left on device\n", capsys.readouterr().err)
    before = len(results(tmp_path))
    assert 0 < before < 6
    assert search(tmp_path, LR, trials=6) == 0
    assert f"6 runs: 6 finished ({before} of them earlier)" in capsys.readouterr().out
    assert len(trials(tmp_path)) == 6


def test_a_broken_study_is_one_line_and_runs_nothing(tmp_path, capsys):
    assert search(tmp_path, LR, trials=1) == 0
    next(tmp_path.glob("sweeps/*/study.journal")).write_text("broken")
    capsys.readouterr()
    assert search(tmp_path, LR, trials=2) == 2
    said = capsys.readouterr()
    assert re.fullmatch(r"error: .*study\.journal: is no study of Optuna .*move the file away.*\n", said.err)
    assert len(results(tmp_path)) == 1


def test_skip_finished_false_makes_all_runs_anew(tmp_path):
    assert search(tmp_path, "activation=relu,tanh", trials=2) == 0
    before = {name: result["ended"] for name, result in results(tmp_path).items()}
    time.sleep(1.1)  # the times of ends are in seconds
    assert search(tmp_path, "activation=relu,tanh", "sweep.skip_finished=false", trials=2) == 0
    after = {name: result["ended"] for name, result in results(tmp_path).items()}
    assert len(after) == 2
    assert not set(before.values()) & set(after.values())


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


def test_pruned_runs_are_made_to_their_end_once_nothing_is_pruned(tmp_path, capsys):
    """And by the pruner's return nothing is lost: they are finished runs now."""
    space = ["optimizer.lr=1e-6,1e-5,0.3,0.4", "training.epochs=3"]
    pruning = [
        "sweep.search.sampler=grid",
        "sweep.search.startup_trials=1",
        "sweep.search.warmup_epochs=0",
        "sweep.search.seed=1",
    ]
    assert search(tmp_path, *space, *pruning) == 0
    pruned = {name for name, result in results(tmp_path).items() if result["status"] == "pruned"}
    assert pruned
    assert search(tmp_path, *space, *pruning) == 0
    assert f"4 runs: {4 - len(pruned)} finished" in (said := capsys.readouterr().out)
    assert said.count("nothing to run") == 1
    for pruner in ("none", "median"):
        assert search(tmp_path, *space, *pruning, f"sweep.search.pruner={pruner}") == 0
        assert {result["status"] for result in results(tmp_path).values()} == {"finished"}
        assert {result["epochs"] for result in results(tmp_path).values()} == {3}
        assert len(results(tmp_path)) == 4
    assert f"4 runs: 4 finished ({4 - len(pruned)} of them earlier)" in (said := capsys.readouterr().out)
    assert "4 runs: 4 finished (4 of them earlier)" in said
    (study,) = studies(tmp_path)
    values = {trial.params["optimizer.lr"]: trial.value for trial in study.get_trials(states=(TrialState.COMPLETE,))}
    assert len(values) == 4


def test_a_pruned_run_that_another_search_finished_is_told_to_the_study(tmp_path):
    """Once, however often the search is started again."""
    space = ["optimizer.lr=1e-6,1e-5,0.3,0.4", "training.epochs=3", "sweep.search.sampler=grid", "sweep.search.seed=1"]
    pruning = [*space, "sweep.search.startup_trials=1", "sweep.search.warmup_epochs=0"]
    assert search(tmp_path, *pruning) == 0
    assert "pruned" in {result["status"] for result in results(tmp_path).values()}
    assert search(tmp_path, *space, "sweep.metric=test/accuracy") == 0
    for _ in range(2):
        assert search(tmp_path, *pruning) == 0
        (study,) = (study for study in studies(tmp_path) if study.get_trials(states=(TrialState.PRUNED,)))
        told = sorted((t.params["optimizer.lr"], t.value) for t in study.get_trials(states=(TrialState.COMPLETE,)))
        accuracies = [result["metrics"]["best/val_accuracy"] for result in results(tmp_path).values()]
        assert len(told) == 4
        assert sorted(value for _, value in told) == sorted(accuracies)


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seed=range(3)"], "seed=range(3): a search that chooses the seed finds the luckiest run"),
        (["optimizer.lr=interval(0.5,0.05)"], "must begin with its lower end: interval(0.05,0.5)"),
        (["optimizer.lr=tag(log,interval(0,1))"], "must begin above 0"),
        (["activation=glob(x*)"], "activation=glob(x*): matches no option; there are"),
        ([LR, "sweep.metric=best/val_acc"], "sweep.metric=best/val_acc: no such metric; did you mean 'best/val_accuracy'?"),
        (
            [LR, "sweep.metric=best/val_top3"],
            "sweep.metric=best/val_top3: is measured only where it is asked for: training.metrics=[top3]",
        ),
        (
            [LR, "data.validation_size=0"],
            "sweep.metric=best/val_accuracy: needs validation examples: data.validation_size must be > 0",
        ),
        (
            [LR, "sweep.search.metrics=[model/params]"],
            "sweep.search.metrics=model/params: no such metric; did you mean",
        ),
        ([LR, "sweep.search.sampler=tep"], "sweep.search.sampler=tep: did you mean 'tpe'?"),
        ([LR, "sweep.search.pruner=medain"], "sweep.search.pruner=medain: did you mean 'median'?"),
        ([LR, "sweep.search.sampler=grid"], "sweep.search.sampler=grid: optimizer.lr is an interval without end of values"),
        ([LR, "sweep.search.trials=0"], "sweep.search.trials=0: must be >= 1"),
        (
            [LR, "sweep.search.parallel=2"],
            "sweep.search.parallel=2: needs a launcher of several runs, such as hydra/launcher=local",
        ),
        ([LR, "sweep.search.metrics=[best/val_accuracy]"], "best/val_accuracy is an objective already"),
        ([LR, "sweep.search.sampler=cmaes", "sweep.search.metrics=[time/total_s]"], "looks for one objective only"),
        (
            [LR, "sweep.search.storage=postgresql+psycopg://me:geheim@h/db"],
            "=postgresql+psycopg://me:***@h/db: must have no password",
        ),
        ([LR, "sweep.search.storage='postgresql+psycopg://h/db?password=geheim'"], "=postgresql+psycopg://h/db: must have no"),
        ([LR, "sweep.search.storage=mysql://h/db"], "must be postgresql+psycopg://USER@HOST/DATABASE or sqlite:////FOLDER/FILE"),
        ([LR, "sweep.search.storage=sqlite:////nowhere/a.db"], "there is no folder /nowhere"),
        ([LR, "sweep.search.trials=2,3"], "sweep.search.trials=2,3: takes one value"),
        (["optimizer=sgd,adam", "optimizer.beta1=0.8,0.9"], "optimizer.beta1"),
        (["optimizer.lr=0.1,-1"], "optimizer.lr=-1.0: must be > 0 (in the combination optimizer.lr=-1)"),
        (["seed=3"], "hydra/sweeper=search: has nothing to vary"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_before_the_first_run(arguments, said, tmp_path, capsys):
    assert search(tmp_path / "outputs", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert "geheim" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_search_that_was_cut_off_goes_on_with_the_same_trials(number, tmp_path):
    out = tmp_path / "outputs"
    arguments = [LR, "training.epochs=40", "training.batch_size=4", "sweep.search.trials=5", "sweep.search.pruner=none"]
    arguments += ["hydra/launcher=local", "hydra.launcher.workers=2"]
    program = begin(out, *arguments)
    wait_for(lambda: len(results(out)) >= 1 and len(list(out.glob("sweeps/*/*/history.csv"))) >= 3)
    program.send_signal(number)
    said, _ = program.communicate(timeout=60)
    assert program.returncode in (130, -9), said
    cut_off = {trial.number: trial.params for trial in trials(out) if trial.state == TrialState.RUNNING}
    assert cut_off
    program = begin(out, *arguments)
    said, _ = program.communicate(timeout=120)
    assert program.returncode == 0, said
    assert "Traceback" not in said
    assert len(results(out)) == len(trials(out)) == 5
    assert {trial.state for trial in trials(out)} == {TrialState.COMPLETE}
    assert {number: trials(out)[number].params for number in cut_off} == cut_off


@pytest.mark.slow
def test_forty_trials_on_four_workers_killed_twice_are_finished_once_each(tmp_path):
    """The journal is torn each time, as by a process that was killed within a line."""
    out = tmp_path / "outputs"
    arguments = [LR, "training.epochs=4", "training.batch_size=4", "sweep.search.trials=40", "sweep.search.pruner=none"]
    arguments += ["hydra/launcher=local", "hydra.launcher.workers=4"]
    for n in (8, 22):
        program = begin(out, *arguments)
        wait_for(lambda n=n: len(results(out)) >= n)
        program.kill()
        program.communicate(timeout=60)
        with next(out.glob("sweeps/*/study.journal")).open("ab") as journal:
            journal.write(b'{"op_code":4,"worker_id":"torn')
    program = begin(out, *arguments)
    said, _ = program.communicate(timeout=280)
    assert program.returncode == 0, said
    assert "Traceback" not in said
    assert "40 runs: 40 finished" in said
    assert len({result["fingerprint"] for result in results(out).values()}) == len(results(out)) == 40
    told = [trial for trial in trials(out) if trial.state == TrialState.COMPLETE]
    assert len({trial.params["optimizer.lr"] for trial in told}) == 40
    assert all(trial.state.is_finished() for trial in trials(out))
    assert not list(out.glob("sweeps/*/replaced"))


@pytest.mark.fault
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_failing_trial_is_told_and_made_again_by_the_next_start(workers, tmp_path, capsys):
    path, name = tmp_path / "parts.py", f"moody_{workers}"
    path.write_text(
        "import os\n"
        "from dataclasses import dataclass\n"
        "from mnist_np.nn.activations import Identity\n"
        "from mnist_np.registry import register\n"
        f"@register('activation', '{name}')\n"
        "@dataclass\n"
        "class Moody(Identity):\n"
        "    breaks: bool = False\n"
        "    def g_prime(self, Z):\n"
        f"        if self.breaks and not os.path.exists({str(tmp_path / 'mended')!r}):\n"
        "            raise RuntimeError('out of luck')\n"
        "        return super().g_prime(Z)\n"
    )
    command = [
        sys.executable,
        str(TRAIN),
        "hydra/sweeper=search",
        "-m",
        *SMALL,
        f"outputs={tmp_path / 'outputs'}",
        f"plugins=[{path}]",
    ]
    command += [f"activation={name}", "activation.breaks=true,false", "optimizer.lr=0.1,0.2", "sweep.search.trials=9"]
    command += ["hydra/launcher=local", f"hydra.launcher.workers={workers}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "of 4 runs 2 failed" in done.stderr
    assert "all 4 points of its space are known" in done.stdout
    (tmp_path / "mended").touch()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 runs: 4 finished (2 of them earlier)" in done.stdout


@pytest.mark.fault
def test_a_refused_start_ends_its_workers(tmp_path):
    from filelock import FileLock

    out = tmp_path / "outputs"
    assert search(out, LR, trials=1) == 0
    with FileLock(next(out.glob("sweeps/*")) / ".sweep.lock"):
        program = begin(out, LR, *LAUNCHERS["local"])
        said, _ = program.communicate(timeout=60)
    assert program.returncode == 2
    assert said.startswith("error: another process is at work on this sweep")


def test_a_second_start_beside_the_first_is_refused(tmp_path):
    from filelock import FileLock

    out = tmp_path / "outputs"
    assert search(out, LR, trials=1) == 0
    with FileLock(next(out.glob("sweeps/*/study.journal")).parent / ".sweep.lock"):
        assert search(out, LR, trials=2) == 2
    assert search(out, LR, trials=2) == 0


SPACES = [
    ["activation=relu,tanh", "optimizer.lr=0.1,0.2"],
    ["optimizer.lr=0.2,0.1", "activation=tanh,relu"],
    ["activation=relu,tanh,gelu", "optimizer.lr=0.1,0.2"],
    ["activation=gelu,sigmoid", LR],
    ["optimizer.lr=interval(0.05,0.5)", "activation=glob(*elu)"],
]


@pytest.mark.fault
@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in (1, 2))])
def test_whatever_was_searched_and_killed_before_studies_tell_what_the_runs_say(seed, tmp_path):
    """Random starts of searches over the same keys: with other spaces, samplers, metrics and numbers of trials, some killed."""
    rng, out = random.Random(seed), tmp_path / "outputs"
    for _ in range(5):
        space, n = rng.choice(SPACES), rng.randint(2, 6)
        sampler = rng.choice(["tpe", "random", "qmc"])
        metric = rng.choice(["best/val_accuracy", "best/val_loss", "test/loss"])
        arguments = [*space, f"sweep.metric={metric}", f"sweep.search.sampler={sampler}", "sweep.search.startup_trials=1"]
        arguments += rng.choice(list(LAUNCHERS.values())[:2])
        if rng.random() < 0.4:
            program = begin(out, *arguments, f"sweep.search.trials={n}")
            before = len(results(out))
            end = time.monotonic() + 60
            while program.poll() is None and len(results(out)) == before and time.monotonic() < end:
                time.sleep(0.02)
            program.kill()
            program.communicate()
        assert search(out, *arguments, trials=n) == 0
        check_books(out, metric, space)


def check_books(out, metric, space):
    """What the studies were told is what the runs' own files say, each run is there once, and the report has the space's runs."""
    by_fingerprint = {}
    for path in out.glob("sweeps/*/*/result.json"):
        result = json.loads(path.read_text())
        assert by_fingerprint.setdefault(result["fingerprint"], result) is result
    jobs = [json.loads(line) for line in next(out.glob("sweeps/*/jobs.jsonl")).read_text().splitlines()]
    assert len({job["fingerprint"] for job in jobs}) == len(jobs)
    wanted = {tuple(sorted(job["overrides"].items())): by_fingerprint[job["fingerprint"]] for job in jobs}
    keys = {argument.partition("=")[0] for argument in space}
    assert all({key for key, _ in point} == keys for point in wanted)
    sign = "MINIMIZE" if "loss" in metric else "MAXIMIZE"
    told = {}
    for study in studies(out):
        for trial in study.trials:
            assert trial.state != TrialState.RUNNING
            point = tuple(sorted((key, str(value)) for key, value in trial.params.items()))
            if study.direction.name == sign and point in wanted and trial.state == TrialState.COMPLETE:
                told.setdefault(point, set()).add(trial.value)
    finished = {point: result for point, result in wanted.items() if result["status"] == "finished"}
    assert set(told) == set(finished)
    assert all(result["metrics"][metric] in told[point] for point, result in finished.items())
    summary = json.loads(next(out.glob("sweeps/*/summary.json")).read_text())
    assert summary["metric"] == metric
