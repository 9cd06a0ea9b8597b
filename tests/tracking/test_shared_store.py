"""Several ``outputs`` with one store: each has its own parent run, children, configurations and views of the same sweep."""

from __future__ import annotations

import shutil

import pytest
from small_sweep import ID, KEYS, NAME, report_of, sweep_folder, train

from mnist_np.commands.compared import from_mlflow
from mnist_np.sweep.publish import publish
from mnist_np.tracking.owner import FILE, owner_of, read_owner
from mnist_np.tracking.saved_views import PREFIX
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import store_of
from mnist_np.tracking.sweep import SweepParent


def opened(tracking, outputs):
    return SweepParent.open(tracking, outputs, ID, NAME, ["training.epochs=3"], KEYS, sweep_folder(outputs).path)


def finished(parent, outputs):
    report = report_of(outputs)
    publish(report, parent.folder, {})
    parent.finish(report, "FINISHED")


def children(parent):
    found = parent.store.client.search_runs([parent.experiment_id], f"tags.mlflow.parentRunId = '{parent.run_id}'")
    return sorted((run.data.tags["sweep_role"], run.data.tags.get("run_folder", ""), run.info.status) for run in found)


def test_the_same_sweep_of_two_outputs_at_once(tmp_path):
    tracking = Tracking(uri=f"sqlite:///{tmp_path}/shared.db")
    places = {"ann": [0, 1], "bob": [0, 2]}
    parents = {name: opened(tracking, tmp_path / name) for name in places}
    assert len({parent.run_id for parent in parents.values()}) == 2
    for name, seeds in places.items():
        for seed in seeds:
            train(tmp_path / name, parents[name].run_id, "sgd", 16, seed, tracking=tracking)
    for name, parent in parents.items():
        finished(parent, tmp_path / name)
    for name, parent in parents.items():
        report = report_of(tmp_path / name)
        folders = [str(child.folder.relative_to(tmp_path / name)) for child in report.children]
        assert children(parent) == sorted(
            [("configuration", "", "FINISHED"), *(("child", folder, "FINISHED") for folder in folders)]
        )
        runs = parent.store.client.search_runs([parent.experiment_id], f"tags.sweep = '{parent.sweep_id}'")
        assert len(runs) == 4, "parent, two children, their configuration"
        assert {run.run_id for run in from_mlflow(ID, parent.store)} == {child.run_id for child in report.children}
    client, experiment = parents["ann"].store.client, parents["ann"].experiment_id
    assert len(client.search_runs([experiment], f"tags.sweep LIKE '{ID}%' and tags.sweep_role = 'parent'")) == 2
    saved = [key for key in client.get_experiment(experiment).tags if key.startswith(f"{PREFIX}sweep-{ID}")]
    assert len(saved) == 2 * 3, "each has its views"

    for name, parent in parents.items():  # once more: the same parents, the same children
        before = children(parent)
        again = opened(tracking, tmp_path / name)
        assert again.run_id == parent.run_id
        finished(again, tmp_path / name)
        assert children(again) == before


def test_a_dead_parent_is_marked_by_its_own_outputs_alone_wherever_they_are_now(tmp_path):
    tracking = Tracking(uri=f"sqlite:///{tmp_path}/shared.db")
    for name in ("ann", "bob"):
        opened(tracking, tmp_path / name).held.release()  # as a killed process does
    (tmp_path / "bob").rename(tmp_path / "moved")
    (tmp_path / "none").mkdir()
    for name, n in (("none", 0), ("ann", 1), ("moved", 1)):
        store = store_of(tracking, tmp_path / name)
        assert len(mark_stale_runs(store, [store.experiment_id("mnist-np")])) == n, name


def test_a_store_within_its_outputs_has_no_owner(tmp_path):
    parent = opened(Tracking(), tmp_path)
    assert parent.sweep_id == ID
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("left", [b"", b"0123", b"\xff" * 12, b"0" * 200, "a folder", None])
def test_an_owner_s_file_that_is_broken_is_made_anew(left, tmp_path):
    store = store_of(Tracking(uri=f"sqlite:///{tmp_path}/shared.db"), tmp_path / "outputs")
    owner, path = owner_of(store), tmp_path / "outputs" / FILE
    assert owner == owner_of(store) == read_owner(store)
    shutil.copytree(tmp_path / "outputs", tmp_path / "copy")
    assert read_owner(store_of(Tracking(uri=store.uri), tmp_path / "copy")) == owner
    path.unlink()
    if left == "a folder":
        path.mkdir()
        with pytest.raises(OSError, match=FILE):
            owner_of(store)
        return
    if left is not None:
        path.write_bytes(left)
    assert read_owner(store) is None
    assert owner_of(store) not in (owner, None)
