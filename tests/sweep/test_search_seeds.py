"""A search whose trials are several seeds each: what a trial comes to, when it gets no more seeds, and by the command line."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mnist_np.cli.train import main
from mnist_np.sweep.attempt import SeedPruning, together
from mnist_np.sweep.children import Child
from mnist_np.sweep.settings import Search
from mnist_np.sweep.study_storage import StudyStorage

pytest.importorskip("optuna")


def run(value, status="finished"):
    metrics = {"best/val_accuracy": value} if status == "finished" else {}
    return Child({"lr": "1", "seed": str(value)}, Path(f"/{value}"), status=status, metrics=metrics, history=[{"epoch": 1.0}])


@pytest.mark.parametrize(
    ("children", "planned", "status", "mean"),
    [
        ([run(0.9), run(0.7)], 2, "finished", 0.8),
        ([run(0.9)], 1, "finished", 0.9),
        ([run(0.9), run(0.7)], 3, "pruned", 0.8),
        ([run(0.9), run(0.1, "diverged")], 3, "diverged", None),
        ([run(0.9), run(0.1, "failed")], 2, "failed", None),
        ([run(0.1, "failed"), run(0.1, "diverged")], 2, "failed", None),
        ([run(0.9), run(0.1, "running")], 2, "running", None),
    ],
)
def test_the_runs_of_a_trial_as_one(children, planned, status, mean):
    found = together(children, planned)
    assert found.status == status
    assert found.metrics.get("best/val_accuracy") == (None if mean is None else pytest.approx(mean))


def test_only_what_is_clearly_worse_is_given_up():
    pruning = SeedPruning(1, 3, 2)
    assert not pruning.prunes([0.1])  # nothing to compare with yet
    for values in ([0.97, 0.971, 0.969], [0.96, 0.961, 0.962]):
        pruning.learn(values)
    assert pruning.prunes([0.5])
    assert not pruning.prunes([0.9685])
    assert not pruning.prunes([])
    assert not pruning.prunes([0.5, 0.5, 0.5])
    assert not SeedPruning(1, 3, None).prunes([0.1])
    less = SeedPruning(-1, 2, 1)
    less.learn([0.1, 0.11])
    assert less.prunes([0.5])
    assert not less.prunes([0.01])


def test_equally_good_trials_are_seldom_given_up():
    rng = np.random.default_rng(0)
    pruning, given_up = SeedPruning(1, 3, 5), 0
    for _ in range(40):
        values = list(rng.normal(0.97, 0.001, 3))
        given_up += any(pruning.prunes(values[:n]) for n in (1, 2))
        pruning.learn(values)
    assert given_up <= 8  # the best of many is a high bar


def search(out, *arguments):
    words = ["data=synthetic", "training.epochs=1", "model.hidden=[8]", "tracking=off", f"outputs={out}", "hydra/sweeper=search"]
    return main(["-m", *words, *arguments])


def trials(out):
    """The state and value of each trial that is over, with the values that its runs have."""
    import optuna

    (folder,) = out.glob("sweeps/*")
    storage = StudyStorage.of(Search(), folder).open()
    (name,) = optuna.get_all_study_names(storage)
    return [t for t in optuna.load_study(study_name=name, storage=storage).get_trials() if t.state.is_finished()]


def runs(out):
    """What varied in each run -> its accuracy."""
    found = {}
    for path in out.glob("sweeps/*/jobs.jsonl"):
        for line in path.read_text().splitlines():
            job = json.loads(line)
            result = json.loads((path.parent / job["folder"] / "result.json").read_text())
            found[job["overrides"]["optimizer.lr"], job["overrides"].get("seed")] = result["metrics"]["best/val_accuracy"]
    return found


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=local", "hydra.launcher.workers=2"]], ids=["here", "local"])
def test_a_trial_is_three_seeds_and_its_value_their_mean(tmp_path, capsys, launcher):
    out = tmp_path / "outputs"
    arguments = ["optimizer.lr=0.05,0.1,0.2", "sweep.search.seeds=3", "sweep.search.pruner=none", "seed=4", *launcher]
    assert search(out, *arguments, "sweep.search.trials=2") == 0
    found = runs(out)
    assert len(found) == 6
    assert {seed for _, seed in found} == {"4", "5", "6"}
    for trial in trials(out):
        lr = trial.params["optimizer.lr"]
        assert trial.value == pytest.approx(np.mean([found[lr, seed] for seed in "456"]))
    capsys.readouterr()
    assert search(out, *arguments, "sweep.search.trials=3") == 0
    assert "9 runs: 9 finished (6 of them earlier)" in capsys.readouterr().out
    assert sorted({trial.params["optimizer.lr"] for trial in trials(out)}) == ["0.05", "0.1", "0.2"]


def test_a_poor_trial_gets_no_more_seeds(tmp_path):
    out = tmp_path / "outputs"
    values = "1e-9,0.2,0.25,0.3,0.35"
    arguments = [f"optimizer.lr={values}", "sweep.search.seeds=3", "sweep.search.startup_trials=2", "sweep.search.trials=5"]
    arguments += ["training.epochs=3", "sweep.search.sampler=grid", "sweep.search.seed=3"]
    assert search(out, *arguments) == 0
    n = {lr: len(list(group)) for lr, group in itertools.groupby(sorted(runs(out)), key=lambda key: key[0])}
    states = {trial.params["optimizer.lr"]: trial.state.name for trial in trials(out)}
    assert len(states) == 5
    for lr, state in states.items():
        assert (state == "COMPLETE") == (n[lr] == 3)
    assert search(out, *arguments) == 0  # nothing is left to do
    assert sum(n.values()) == len(runs(out))


def test_a_search_that_was_cut_off_goes_on_with_the_seeds_that_are_missing(tmp_path):
    out = tmp_path / "outputs"
    arguments = ["optimizer.lr=0.1,0.2", "sweep.search.seeds=2", "sweep.search.trials=2", "sweep.search.pruner=none"]
    assert search(out, *arguments) == 0
    before = runs(out)
    (path,) = out.glob("sweeps/*/study.journal")
    lines = path.read_text().splitlines(keepends=True)
    (told,) = (line for line in lines if json.loads(line).get("trial_id") == 1 and "values" in json.loads(line))
    path.write_text("".join(line for line in lines if line != told))
    lost = next(folder for folder in path.parent.glob("*seed=1*"))
    for file in lost.iterdir():
        if file.is_file():
            file.unlink()
    assert search(out, *arguments) == 0
    assert runs(out) == pytest.approx(before)
    assert {(trial.params["optimizer.lr"], trial.state.name) for trial in trials(out)} == {
        ("0.1", "COMPLETE"),
        ("0.2", "COMPLETE"),
    }


def test_seeds_must_be_a_number_from_one(tmp_path, capsys):
    assert search(tmp_path / "outputs", "optimizer.lr=0.1,0.2", "sweep.search.seeds=0") == 2
    assert "sweep.search.seeds" in capsys.readouterr().err


def test_the_best_is_repeated_by_its_mean_and_an_earlier_run_without_its_other_seeds_is_no_member(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert search(out, "optimizer.lr=0.01,0.5", "sweep.search.trials=2", "seed=4") == 0
    capsys.readouterr()
    arguments = ["optimizer.lr=0.05,0.1", "sweep.search.seeds=2", "sweep.search.pruner=none", "seed=4"]
    said = []
    for _ in range(2):
        assert search(out, *arguments, "sweep.search.trials=2") == 0
        said.append(capsys.readouterr().out)
    assert "4 runs: 4 finished\n" in said[0]
    assert "4 runs: 4 finished (4 of them earlier)" in said[1]
    found = runs(out)
    best = max(("0.05", "0.1"), key=lambda lr: found[lr, "4"] + found[lr, "5"])
    more = re.search("more seeds +(.*)", said[1])[1]
    assert f" optimizer.lr={best} 'seed=range(4,9)'" in more
    assert "sweep.search" not in more
