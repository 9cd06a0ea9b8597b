"""What a run leaves in its own folder: whole, plain, and enough to go on from."""

import errno
import json
import os

import numpy as np
import pytest
import yaml

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.files import write_atomically
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import SGD
from mnist_np.serialize import from_dict, to_dict
from mnist_np.storage.records import read_history
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.weights import WeightsError, load_weights, save_weights
from mnist_np.training.events import Observer, StopTraining

EXPERIMENT = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=3))


class Stop(Observer):
    def on_epoch(self, event):
        raise StopTraining("killed", "SIGINT")


def contents(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_everything_that_rebuilds_it(tmp_path):
    result = run(EXPERIMENT, [RunFolder(tmp_path)])
    plain = {"run.json", "config.yaml", "history.csv", "weights.safetensors", "result.json"}
    figures = {f"figures/{name}.png" for name in ("learning_curves", "predictions", "confusion_matrix", "first_layer")}
    assert plain | figures <= contents(tmp_path)
    assert read_history(tmp_path / "history.csv") == result.history
    again = from_dict(Experiment, yaml.safe_load((tmp_path / "config.yaml").read_text()))
    assert to_dict(again) == to_dict(EXPERIMENT)
    told = json.loads((tmp_path / "result.json").read_text())
    assert told["status"] == "finished"
    assert told["metrics"] == result.metrics
    assert told["best_epoch"] == result.best_epoch
    assert told["data"] | {"name": "synthetic", "train": 512, "val": 128, "test": 128} == told["data"]
    assert told["blas"]["threads"] >= 1
    assert told["started"] <= told["ended"]


def test_the_history_is_there_after_every_epoch(tmp_path):
    seen = []

    class Look(Observer):
        def on_epoch(self, event):
            seen.append(len(read_history(tmp_path / "history.csv")))

    run(EXPERIMENT, [RunFolder(tmp_path, figures=False), Look()])
    assert seen == [1, 2, 3]


def test_a_column_that_comes_later_is_taken_in(tmp_path):
    class Late(Observer):
        def on_epoch(self, event):
            if event.epoch == 2:
                event.progress.history[-1]["layers/1/norm"] = 0.5

    result = run(EXPERIMENT, [Late(), RunFolder(tmp_path, figures=False)])
    assert read_history(tmp_path / "history.csv") == result.history


def test_a_killed_run_says_so_and_keeps_its_weights(tmp_path):
    result = run(EXPERIMENT, [RunFolder(tmp_path, figures=False), Stop()])
    told = json.loads((tmp_path / "result.json").read_text())
    assert (told["status"], told["reason"], told["epochs"]) == ("killed", "SIGINT", 1)
    assert (load_weights(tmp_path / "weights.safetensors").network.params == result.network.params).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverged_run_leaves_valid_json(tmp_path):
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), optimizer=SGD(lr=1e30), training=Training(epochs=2))
    run(experiment, [RunFolder(tmp_path)])

    def refuse(constant):
        raise AssertionError(constant)

    told = json.loads((tmp_path / "result.json").read_text(), parse_constant=refuse)
    assert told["status"] == "diverged"
    assert "figures/learning_curves.png" in contents(tmp_path)


def test_a_run_that_breaks_is_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("mnist_np.training.run.conclude", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(EXPERIMENT, [RunFolder(tmp_path)])
    told = json.loads((tmp_path / "result.json").read_text())
    assert (told["status"], told["reason"]) == ("failed", "ZeroDivisionError: division by zero")


def test_a_folder_that_cannot_be_made_stops_the_run_before_it_begins(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        run(EXPERIMENT, [RunFolder(tmp_path / "file" / "run")])


def test_a_full_disk_leaves_the_old_file_and_is_named(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write 1,000 bytes: No space left on device: '.*weights.safetensors'"):
        write_atomically(path, bytes(1000), durable=True)
    assert path.read_bytes() == b"old"
    assert contents(tmp_path) == {"weights.safetensors"}


def test_equal_weights_are_equal_files(tmp_path):
    for name in "ab":
        run(EXPERIMENT, [RunFolder(tmp_path / name, figures=False)])
    a, b = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "ab")
    assert a == b


def test_weights_alone_rebuild_the_network(tmp_path):
    data = Synthetic(preprocess="standardize")
    model = MLP(hidden=[8, 6], activations=["tanh", "relu"], norm="batch")
    result = run(Experiment(model=model, data=data, training=Training(epochs=1, dtype="float64")))
    save_weights(tmp_path / "w", result.network, result.experiment, result.data)
    read = load_weights(tmp_path / "w")
    X = result.data.test.X
    assert np.array_equal(read.network.predict_proba(X), result.network.predict_proba(X))
    assert read.image_shape == (8, 8)
    assert read.class_names == ("0", "1", "2", "3")
    assert read.pixels == result.data.pixels


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"weights.safetensors.*no such file"):
        load_weights(tmp_path / "weights.safetensors")


def test_weights_of_another_shape_are_refused(tmp_path):
    result = run(EXPERIMENT)
    other = Experiment(model=MLP(hidden=[7]), data=Synthetic())
    save_weights(tmp_path / "w", result.network, other, result.data)
    with pytest.raises(WeightsError, match=r"W1 is \(64, 8\), expected \(64, 7\)"):
        load_weights(tmp_path / "w")
