"""A search that is started again: with other choices, another metric, an edited recipe, without its study, in a database."""

import itertools
import re
import sqlite3
import time

import pytest

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402
from searches import LR, search, studies, trials  # noqa: E402

from mnist_np.sweep.study_storage import StudyStorage  # noqa: E402
from tests.programs import results  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_sweep_figures")


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
