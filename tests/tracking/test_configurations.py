"""The summary runs of a sweep's configurations, in a real store: one for each, with the numbers of the CSV."""

from __future__ import annotations

import csv
import io
import statistics
from pathlib import Path

import pytest
from small_sweep import ID, NAME, open_parent, report_of, run_sweep, train

from mnist_np.commands.compared import from_mlflow
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import csv_text
from mnist_np.tracking.configurations import ConfigurationRuns, has_means
from mnist_np.tracking.sweep import SweepParent

WHERE = f"tags.sweep = '{ID}' and tags.sweep_role = 'configuration'"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def parent(outputs) -> SweepParent:
    return run_sweep(outputs)


def summaries(parent: SweepParent) -> dict[str, object]:
    """The summary runs by their names."""
    found = parent.store.client.search_runs([parent.experiment_id], WHERE)
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: run for run in found}


def fresh(parent: SweepParent) -> ConfigurationRuns:
    """As another start of the sweep has them."""
    return ConfigurationRuns(parent.store.client, parent.experiment_id, ID, parent.run_id)


def check(parent: SweepParent) -> None:
    """Each row of the CSV has its run, with the same numbers, and no other run is there."""
    rows = list(csv.DictReader(io.StringIO(csv_text(report_of(parent.store.outputs)))))
    found = summaries(parent)
    assert len(found) == len(rows)
    by_params = {tuple(sorted(run.data.params.items())): run.data.metrics for run in found.values()}
    for row in rows:
        metrics = by_params[("model.hidden", row["model.hidden"]), ("optimizer", row["optimizer"])]
        assert metrics["n"] == float(row["n"])
        assert metrics["val/accuracy_max"] == float(row["val/accuracy_best"])
        for name in ("val/accuracy_mean", "val/accuracy_sd", "test/accuracy_mean", "test/accuracy_sd"):
            assert metrics[name] == float(row[name]), name


def test_each_configuration_has_a_run_with_the_numbers_of_the_csv(parent):
    assert set(summaries(parent)) == {"μ sgd [16]", "μ sgd [32]", "μ adam [16]", "μ adam [32]"}
    check(parent)


def test_its_curves_are_the_means_of_its_runs_curves(parent):
    client = parent.store.client
    for run in summaries(parent).values():
        optimizer, hidden = run.data.params["optimizer"], run.data.params["model.hidden"]
        where = f"tags.sweep_role = 'child' and params.optimizer = '{optimizer}' and params.`model.hidden` = '{hidden}'"
        children = client.search_runs([parent.experiment_id], where)
        assert len(children) == 2
        for key in ("val/accuracy", "val/loss", "train/loss"):
            histories = [client.get_metric_history(child.info.run_id, key) for child in children]
            expected = [statistics.fmean(metric.value for metric in metrics) for metrics in zip(*histories, strict=True)]
            logged = client.get_metric_history(run.info.run_id, key)
            assert [metric.step for metric in logged] == [1, 2, 3]
            assert [metric.value for metric in logged] == expected


def test_a_summary_is_no_run_of_the_sweep(outputs, parent):
    ids = {run.info.run_id for run in summaries(parent).values()}
    assert not ids & {run.run_id for run in from_mlflow(ID, parent.store)}
    assert not ids & {run.run_id for run in from_mlflow(parent.run_id, parent.store)}
    assert not ids & {child.run_id for child in report_of(outputs).children}


def test_what_has_not_changed_is_left_and_what_has_is_replaced(outputs, parent):
    before = summaries(parent)
    runs = fresh(parent)
    runs.update(report_of(outputs), final=True)
    assert {name: run.info.run_id for name, run in summaries(parent).items()} == {
        name: run.info.run_id for name, run in before.items()
    }
    again = open_parent(outputs)
    train(outputs, again.run_id, "adam", 32, seed=2)
    again.update(report_of(outputs))
    again.finish(report_of(outputs), "FINISHED")
    after = summaries(parent)
    changed = [name for name in after if after[name].info.run_id != before[name].info.run_id]
    assert changed == ["μ adam [32]"]
    assert after["μ adam [32]"].data.metrics["n"] == 3
    check(parent)


def test_one_that_was_not_logged_to_its_end_is_logged_anew(outputs, parent):
    client = parent.store.client
    (broken, *_), n = summaries(parent).values(), len(summaries(parent))
    client.delete_tag(broken.info.run_id, "digest")
    client.create_run(parent.experiment_id, tags={"sweep": ID, "sweep_role": "configuration"})  # killed before its first metric
    fresh(parent).update(report_of(outputs), final=True)
    assert len(summaries(parent)) == n
    assert broken.info.run_id not in {run.info.run_id for run in summaries(parent).values()}
    check(parent)


def test_configurations_that_are_gone_are_deleted(outputs, parent):
    report = report_of(outputs)
    report.children = [child for child in report.children if child.overrides["optimizer"] == "adam"]
    fresh(parent).update(report, final=True)
    assert len(summaries(parent)) == 2
    fresh(parent).update(report_of(outputs), final=True)
    check(parent)


def test_its_link_shows_the_best_of_its_runs_first(outputs, parent):
    for metric, maximize, ascending in ("best/val_loss", False, "true"), ("best/val_accuracy", True, "false"):
        fresh(parent).update(SweepReport(NAME, report_of(outputs).children, metric, maximize), final=True)
        notes = [run.data.tags["mlflow.note.content"] for run in summaries(parent).values()]
        assert len(notes) == 4
        assert all(f"orderByAsc={ascending}" in note for note in notes)


def test_single_runs_need_no_summary(outputs, parent):
    report = report_of(outputs)
    report.children = [child for child in report.children if child.overrides["seed"] == "0"]
    assert not has_means(report)
    fresh(parent).update(report, final=True)
    assert not summaries(parent)
