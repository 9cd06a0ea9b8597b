"""``tracking.images=epochs``: each picture is in MLflow once, under the name that its image grid reads."""

import re
from collections import Counter

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import images
from mnist_np.tracking.images import KEYS, MOST, EpochImages, last_steps
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.training.events import Observer, StopTraining

FILE = re.compile(r"images/(images~\w+)\+step\+(\d+)\+timestamp\+(\d+)\+([0-9a-f-]{36})(\+compressed\.webp|\.png)")
"""What MLflow's page takes apart (``uncompressed_filename`` in ``MlflowClient.log_image``)."""


@pytest.fixture
def train(outputs, folder):
    def train(experiment, *others, images="epochs"):
        return run(experiment, [RunFolder(folder, False), MlflowObserver(Tracking(images=images), outputs, folder), *others])

    return train


class Stop(Observer):
    """Ends the training after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch(self, event):
        if event.epoch == self.epoch:
            raise StopTraining("killed", "because the test says so")


def in_mlflow(store, folder):
    """How often MLflow has each picture: by key, step and kind."""
    names = [file.path for file in store.client.list_artifacts(Ledger.read(folder).run_id, "images")]
    return Counter((m[1].replace("~", "/"), int(m[2]), m[5]) for m in map(FILE.fullmatch, names))


USUAL = KEYS[:3]
"""Without diagnostics."""


def expected(steps, keys=USUAL):
    return Counter((key, step, kind) for key in keys for step in steps for kind in (".png", "+compressed.webp"))


def test_each_epoch_has_its_pictures_once(train, experiment, store, folder):
    train(experiment)
    assert in_mlflow(store, folder) == expected(range(4))
    assert store.client.get_run(Ledger.read(folder).run_id).data.tags["mlflow.loggedImages"] == "True"
    assert last_steps(folder) == dict.fromkeys(USUAL, 3)


@pytest.mark.parametrize("every", ["epoch", 2])
def test_the_diagnostics_are_one_of_them(train, store, folder, every):
    """With looks every two steps, too, there is one picture an epoch."""
    experiment = Experiment(
        model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=3, batch_size=64, diagnostics=every)
    )
    train(experiment)
    assert in_mlflow(store, folder) == expected(range(4), KEYS)
    first, *_, last = sorted((folder / "images").glob("images~layers*.png"), key=lambda file: int(file.name.split("+")[2]))
    assert first.read_bytes() != last.read_bytes()


def test_a_resumed_run_has_none_twice(train, experiment, store, folder):
    train(experiment, Stop(2))
    train(experiment)
    assert in_mlflow(store, folder) == expected(range(4))


def test_a_run_that_was_killed_before_an_epochs_metrics_has_none_twice(train, experiment, store, folder, monkeypatch):
    """The pictures of epoch 2 are in the journal, its metrics are not: the epoch is trained and drawn again."""
    append = Journal.append

    def killed(self, kind, **content):
        if kind == "metrics" and content.get("step") == 2:
            raise StopTraining("killed", "here")
        append(self, kind, **content)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", killed)
        train(experiment)
    assert in_mlflow(store, folder) == expected(range(3))
    train(experiment)
    assert in_mlflow(store, folder) == expected(range(4))


def test_they_are_off_by_default(outputs, folder, store, experiment):
    run(experiment, [MlflowObserver(Tracking(), outputs, folder)])
    assert not (folder / "images").exists()
    assert "mlflow.loggedImages" not in store.client.get_run(Ledger.read(folder).run_id).data.tags


def test_they_show_the_weights_that_are_validated_and_change_nothing(train, monkeypatch):
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=3, batch_size=64, ema=0.9))
    seen = []

    def pictures(network, data, hard, diagnostics):
        seen.append(np.mean(np.argmax(network.logits(data.val.X), axis=1) == data.val.labels))
        return {}

    monkeypatch.setattr("mnist_np.figures.epoch.pictures", pictures)
    result = train(experiment)
    assert seen[1:] == [row["val/accuracy"] for row in result.history]
    assert (result.network.params == run(experiment, []).network.params).all()


def test_pictures_that_cannot_be_drawn_cost_no_metric(train, experiment, store, folder, monkeypatch, caplog):
    def broken(self, event):
        if event.progress.epoch:
            raise OSError("the disk is full")
        return []

    monkeypatch.setattr(EpochImages, "save", broken)
    train(experiment)
    logged = store.client.get_metric_history(Ledger.read(folder).run_id, "val/accuracy")
    assert [metric.step for metric in logged] == [1, 2, 3]
    assert caplog.text.count("the disk is full") == 1


@pytest.mark.parametrize("epochs", [1, 2, 49, 50, 51, 97, 1000, 10_007])
def test_a_long_run_has_no_more_of_them(epochs):
    wanted = images.EpochImages.__new__(images.EpochImages)
    wanted.epochs = epochs
    steps = [epoch for epoch in range(epochs + 1) if wanted.wanted(epoch)]
    assert {0, 1, epochs} <= set(steps)
    assert min(epochs + 1, MOST // 2) <= len(steps) <= MOST


def test_without_mlflow_they_are_refused():
    with pytest.raises(ConfigError, match=r"tracking\.images = 'epochs'"):
        Tracking(backend="off", images="epochs")
    with pytest.raises(ConfigError, match="off, epochs"):
        Tracking(images="steps")
