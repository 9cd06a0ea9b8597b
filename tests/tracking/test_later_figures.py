"""Figures that are drawn when a run is over are those that it would have drawn itself, in its folder and in MLflow."""

import json
import shutil
import sys

import pytest
from PIL import Image, ImageChops

from mnist_np.api import run as train
from mnist_np.cli.main import main
from mnist_np.commands.sync import sync
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.run_index import is_final
from mnist_np.storage.saved_run import SavedRun
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.later_figures import draw_figures
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["mnist-np", *words])
        return main(), capsys.readouterr()

    return run


SMALL = ("data=synthetic", "training.epochs=2", "model.hidden=[4]")


def names(folder):
    return {path.name for path in (folder / "figures").glob("*.png")}


def test_they_are_those_of_the_run_itself(call, tmp_path):
    run = tmp_path / "outputs" / "runs" / "one"
    assert call("train", *SMALL, "tracking=off", f"hydra.run.dir={run}")[0] == 0
    before = tmp_path / "before"
    shutil.move(run / "figures", before / "figures")
    code, shown = call("figures", str(run))
    assert code == 0
    assert names(run) == names(before)
    assert shown.out.count(".png\n") == len(names(run))
    for name in names(run):
        one, two = (Image.open(folder / "figures" / name).convert("RGB") for folder in (before, run))
        assert ImageChops.difference(one, two).getbbox() is None, name


def test_of_a_sweep_the_best_has_them_and_the_others_when_they_are_asked_for(call, tmp_path):
    assert call("train", "-m", *SMALL, "seed=0,1,2")[0] == 0
    runs = {path.parent: json.loads(path.read_text()) for path in tmp_path.glob("outputs/sweeps/*/*/result.json")}
    best = max(runs, key=lambda folder: runs[folder]["metrics"]["best/val_accuracy"])
    assert {folder for folder in runs if (folder / "figures").exists()} == {best}
    client = store_of(Tracking(), tmp_path / "outputs").client

    def in_mlflow(folder):
        run = client.get_run(Ledger.read(folder).run_id)
        note = run.data.tags["mlflow.note.content"]
        assert ("learning_curves.png" in note) == (folder / "figures").exists()
        assert run.info.status == "FINISHED"
        return {file.path for file in client.list_artifacts(run.info.run_id, "figures")}

    assert in_mlflow(best) == {f"figures/{name}" for name in names(best)}
    other = next(folder for folder in runs if folder != best)
    assert in_mlflow(other) == set()
    assert call("figures", Ledger.read(other).run_id)[0] == 0
    assert names(other) == names(best)
    assert in_mlflow(other) == in_mlflow(best)
    assert all(is_final(folder, tracked=True) for folder in runs), "nothing has to run again"
    assert call("train", "-m", *SMALL, "seed=0,1,2")[0] == 0
    assert runs == {path.parent: json.loads(path.read_text()) for path in tmp_path.glob("outputs/sweeps/*/*/result.json")}


@pytest.fixture
def tracked(outputs, folder, experiment):
    """The folder of a run that was tracked in the store of ``outputs`` and drew no figures."""
    train(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder)])
    return folder


def test_the_run_ended_when_it_did(tracked, outputs, store):
    run_id = Ledger.read(tracked).run_id
    ended = store.client.get_run(run_id).info.end_time
    with open(tracked / "journal.jsonl", "a") as file:
        file.write('{"kind": "met')  # a crash left it
    draw_figures(SavedRun("run", tracked), outputs)
    assert store.client.get_run(run_id).info.end_time == ended
    assert len(store.client.list_artifacts(run_id, "figures")) == len(names(tracked)) > 0


@pytest.mark.parametrize(
    ("place", "uri", "how"),
    [
        ("moved", "sqlite:///{}/old/mlflow.db", "(--outputs DIR)"),
        ("outputs", "http://127.0.0.1:9", "say so: --uri http://127.0.0.1:9"),
    ],
)
def test_an_address_that_is_not_of_these_outputs_is_not_spoken_to(call, tracked, outputs, store, tmp_path, place, uri, how):
    run = shutil.copytree(tracked, tmp_path / place / "runs" / "day" / "one")
    ledger = Ledger.read(run)
    ledger.uri, ledger.outputs = uri.format(tmp_path), str(tmp_path / "old")
    ledger.write(run)
    code, shown = call("figures", str(run))
    assert code == 0
    assert shown.out.count(".png\n") == len(names(run)) > 0
    assert shown.err.startswith("MLflow was not told of the figures; ")
    assert how in shown.err
    assert shown.err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {place}
    assert not list(tmp_path.rglob("mlflow.db"))
    sync(run, outputs, store.uri)  # as the line says
    assert len(store.client.list_artifacts(ledger.run_id, "figures")) == len(names(run))


def test_a_sweep_delivers_to_its_own_store_wherever_that_is(call, tmp_path):
    code, shown = call("train", "-m", *SMALL, "seed=0,1", f"tracking.uri=sqlite:///{tmp_path}/other.db")
    assert code == 0
    assert list(tmp_path.glob("outputs/sweeps/*/*/figures/*.png"))
    assert "was not told" not in shown.out + shown.err
    assert not (tmp_path / "outputs" / "mlflow.db").exists()


@pytest.mark.parametrize(("figures", "drawn"), [("true", 2), ("false", 0)])
def test_all_or_none(call, tmp_path, figures, drawn):
    assert call("train", "-m", *SMALL, "tracking=off", "seed=0,1", f"tracking.figures={figures}")[0] == 0
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/figures/learning_curves.png"))) == drawn


@pytest.mark.parametrize("spoil", ["weights", "result", "data"])
def test_what_cannot_be_drawn_is_one_line(call, tmp_path, spoil):
    run = tmp_path / "outputs" / "runs" / "one"
    assert call("train", *SMALL, "tracking=off", "tracking.figures=false", f"hydra.run.dir={run}")[0] == 0
    if spoil == "weights":
        (run / "weights.safetensors").write_bytes(b"x")
    elif spoil == "result":
        (run / "result.json").unlink()
    else:
        (run / "result.json").write_text((run / "result.json").read_text().replace('"sha256": "', '"sha256": "0'))
    code, shown = call("figures", str(run))
    assert code == 2
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1


def test_a_setting_that_is_none(call):
    code, shown = call("train", *SMALL, "tracking.figures=maybe")
    assert code == 2
    assert "tracking.figures" in shown.err
    assert "must be auto, true or false" in shown.err
