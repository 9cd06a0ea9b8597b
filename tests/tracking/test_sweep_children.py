"""MLflow's children of a sweep are exactly the runs of its table, whatever was run before, elsewhere or without tracking."""

from __future__ import annotations

import json
from time import sleep

import pytest

from mnist_np.cli.train import main
from mnist_np.sweep.runner import SweepRunner
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
from mnist_np.tracking.sweep_children import SweepChildren

QUICK = ["data=synthetic", "training.epochs=1", "model.hidden=[4]", "tracking.figures=false"]


@pytest.fixture
def outputs(tmp_path):
    return tmp_path / "outputs"


def train(outputs, *arguments, quick=QUICK):
    assert main([*quick, f"outputs={outputs}", *arguments]) == 0


def sweep(outputs, *arguments, quick=QUICK):
    """Run it and give its folder's summary and its runs in MLflow."""
    train(outputs, "-m", *arguments, quick=quick)
    file = max(outputs.glob("sweeps/*/summary.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(file.read_text()), children(outputs, file.parent.name[-8:])


def runs(outputs, where):
    store = store_of(Tracking(), outputs)
    return list(store.client.search_runs([store.experiment_id("mnist-np")], where))


def children(outputs, sweep_id):
    (parent,) = runs(outputs, f"tags.sweep = '{sweep_id}' and tags.sweep_role = 'parent'")
    found = runs(outputs, f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.sweep_role = 'child'")
    assert len(found) == len(runs(outputs, f"tags.sweep = '{sweep_id}' and tags.sweep_role = 'child'"))
    return found


def agree(summary, found):
    """Whether table and MLflow tell of the same runs, with the same numbers."""
    of_table = {child["fingerprint"]: child["metrics"]["test/accuracy"] for child in summary["children"]}
    assert {run.data.tags["fingerprint"]: run.data.metrics["test/accuracy"] for run in found} == of_table
    assert {run.info.status for run in found} == {"FINISHED"}
    assert len(found) == len(of_table)


def test_a_subset_and_an_edited_default_leave_outdated_runs_behind(outputs, tmp_path, capsys):
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    recipe = tmp_path / "conf" / "experiment" / "mine.yaml"
    arguments = ["--config-dir", str(tmp_path / "conf"), "experiment=mine", "activation=relu,tanh", "seed=0,1"]
    quick = ["data=synthetic", "model.hidden=[4]", "tracking.figures=false"]
    recipe.write_text("# @package _global_\ntraining: {epochs: 1}\n")
    agree(*sweep(outputs, *arguments, quick=quick))
    recipe.write_text("# @package _global_\ntraining: {epochs: 2}\n")
    summary, found = sweep(outputs, *arguments, quick=quick)
    agree(summary, found)
    assert (len(found), summary["outdated"]) == (4, 4)
    assert [row["n"] for row in summary["configurations"]] == [2, 2]
    assert "4 outdated runs are left out" in capsys.readouterr().out
    outdated = runs(outputs, "tags.sweep_role = 'outdated'")
    assert len(outdated) == 4
    assert not any("mlflow.parentRunId" in run.data.tags for run in outdated)
    recipe.write_text("# @package _global_\ntraining: {epochs: 1}\n")
    again, found = sweep(outputs, *arguments, quick=quick)
    agree(again, found)
    assert (again["skipped"], again["outdated"]) == (4, 4)
    assert {run.data.params["training.epochs"] for run in found} == {"1"}


def test_runs_that_are_not_found_yet_stay_children(outputs, monkeypatch):
    """Where a start takes long to look through the runs there are, and the parent is updated meanwhile."""
    sweep(outputs, "seed=range(3)")
    dismissed, ready = [], SweepRunner.ready

    def slow(self, job, config):
        sleep(0.1)
        return ready(self, job, config)

    monkeypatch.setattr(SweepRunner, "ready", slow)
    monkeypatch.setattr(SweepChildren, "dismiss", lambda self, run, current: dismissed.append(run))
    monkeypatch.setattr("mnist_np.sweep.runner.UPDATE_EVERY", 0.0)
    monkeypatch.setattr("mnist_np.sweep.monitor.TICK", 0.01)
    agree(*sweep(outputs, "seed=range(4)"))
    assert not dismissed


def test_replaced_runs_are_no_children(outputs):
    _, found = sweep(outputs, "seed=0,1")
    again, anew = sweep(outputs, "seed=0,1", "sweep.skip_finished=false")
    agree(again, anew)
    assert not {run.info.run_id for run in found} & {run.info.run_id for run in anew}
    assert len(runs(outputs, "tags.sweep_role = 'replaced'")) == 2
    assert again["outdated"] == 0


def test_a_pruned_run_that_is_made_to_its_end_is_replaced(outputs):
    pytest.importorskip("optuna")
    arguments = ["hydra/sweeper=search", "optimizer.lr=1e-6,0.3,0.4", "training.epochs=2", "sweep.search.sampler=grid"]
    arguments += ["sweep.search.trials=3", "sweep.search.startup_trials=1", "sweep.search.warmup_epochs=0"]
    summary, found = sweep(outputs, *arguments)
    n_pruned = [child["status"] for child in summary["children"]].count("pruned")
    assert n_pruned
    assert len(found) == 3
    agree(*sweep(outputs, *arguments, "sweep.search.pruner=none"))
    assert len(runs(outputs, "tags.sweep_role = 'replaced'")) == n_pruned
    assert not runs(outputs, "tags.sweep_role = 'outdated'")


def test_runs_of_elsewhere_are_taken_and_linked(outputs, capsys):
    train(outputs, "seed=0", "activation=relu")
    sweep(outputs, "seed=0,1", "activation=relu")
    summary, found = sweep(outputs, "activation=relu,tanh", "seed=0,1")
    agree(summary, found)
    linked = [run for run in found if "linked_folder" in run.data.tags]
    assert len(linked) == sum(child["linked"] for child in summary["children"]) == 2
    for run in linked:
        (original,) = runs(outputs, f"attributes.run_id = '{run.data.tags['linked_run_id']}'")
        assert original.data.params == run.data.params
        assert original.data.metrics.items() >= run.data.metrics.items()
    assert "4 finished (2 of them earlier, 2 linked)" in capsys.readouterr().out
    assert [row["linked"] for row in summary["configurations"] if row["activation"] == "relu"] == [2]
    before = {run.info.run_id for run in found}
    _, same = sweep(outputs, "activation=relu,tanh", "seed=0,1")
    assert {run.info.run_id for run in same} == before


def test_a_linked_run_that_was_run_anew_is_copied_anew(outputs):
    sweep(outputs, "seed=0,1")
    before = {run.data.tags["linked_run_id"] for run in sweep(outputs, "activation=relu", "seed=0,1")[1]}
    anew = {run.info.run_id: run for run in sweep(outputs, "seed=0,1", "sweep.skip_finished=false")[1]}
    copies = sweep(outputs, "activation=relu", "seed=0,1")[1]
    assert not before & anew.keys()
    assert {run.data.tags["linked_run_id"] for run in copies} == anew.keys()
    for copy in copies:
        assert copy.data.metrics["time/total_s"] == anew[copy.data.tags["linked_run_id"]].data.metrics["time/total_s"]


def test_runs_that_were_not_tracked_or_whose_store_is_lost_are_children_too(outputs):
    train(outputs, "-m", "seed=0,1", "tracking=off")
    agree(*sweep(outputs, "seed=range(3)"))
    assert len(children(outputs, next(outputs.glob("sweeps/*")).name[-8:])) == 3


def test_the_same_sweep_in_any_order_is_one_sweep(outputs):
    sweep(outputs, "activation=relu,tanh", "seed=0,1")
    summary, found = sweep(outputs, "seed=1,0", "activation=tanh,relu", quick=QUICK[::-1])
    agree(summary, found)
    assert summary["skipped"] == 4
    assert len(list(outputs.glob("sweeps/*"))) == 1
    assert len(runs(outputs, "tags.sweep_role = 'parent'")) == 1


def test_a_changed_fixed_override_is_another_sweep_of_another_name(outputs):
    sweep(outputs, "seed=0,1")
    sweep(outputs, "seed=0,1", "training.epochs=2", quick=[text for text in QUICK if "epochs" not in text])
    parents = runs(outputs, "tags.sweep_role = 'parent'")
    assert len({run.info.run_name for run in parents}) == len(parents) == 2
    for parent in parents:
        assert len(children(outputs, parent.data.tags["sweep"])) == 2


def test_without_validation_data_nothing_is_ranked_and_n_is_what_ran(outputs, capsys):
    summary, _ = sweep(outputs, "activation=relu,tanh", "seed=range(3)", "data.validation_size=0", "training.select=last")
    said = capsys.readouterr().out
    assert "not ranked: the runs have no best/val_accuracy (there is no validation data)" in said
    assert [(row["rank"], row["n"]) for row in summary["configurations"]] == [(None, 3), (None, 3)]
    assert all(row["test/accuracy_mean"] for row in summary["configurations"])
