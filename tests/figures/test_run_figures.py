"""The figures of a run can be drawn of any run: any image size, number of classes and model, and of one that went wrong."""

import dataclasses
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.figures.run import FIGURES, draw
from mnist_np.metrics import confusion_counts
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP


def trained(model=None, epochs=2, interrupted=lambda: None, loss=None, **data):
    parts = {"model": model or MLP(hidden=[6]), "loss": loss or CrossEntropy()}
    experiment = Experiment(data=Synthetic(**data), training=Training(epochs=epochs), **parts)
    return run(experiment, interrupted=interrupted)


RUNS = {
    "default": lambda: trained(),
    "linear": lambda: trained(MLP(hidden=[])),
    "two classes": lambda: trained(classes=2, side=2),
    "large images": lambda: trained(side=64, examples=64, validation_size=10),
    "wide": lambda: trained(MLP(hidden=[200])),
    "maxout": lambda: trained(MLP(hidden=[6], activations=["maxout"])),
    "no validation": lambda: trained(validation_size=0),
    "one epoch": lambda: trained(epochs=1),
    "long": lambda: trained(epochs=40, examples=200),
    "stopped at once": lambda: trained(interrupted=lambda: "SIGINT"),
    "perfect": lambda: perfect(trained()),
    "not finite": lambda: broken(trained()),
    "other names": lambda: named(trained()),
    "47 classes": lambda: many_classes(trained()),
}


def perfect(result):
    test = dataclasses.replace(result.test, logits=20 * result.data.test.Y, accuracy=1.0)
    return dataclasses.replace(result, test=test)


def broken(result):
    result.network.params[:] = np.nan
    test = dataclasses.replace(result.test, logits=np.full_like(result.test.logits, np.nan))
    return dataclasses.replace(result, test=test, status="diverged", history=[{"epoch": 1, "train/loss": float("nan")}], best={})


def named(result):
    names = ("T-shirt/top", "Trouser", "a very long name of a class", "$x_1$")
    return dataclasses.replace(result, data=dataclasses.replace(result.data, class_names=names))


def many_classes(result):
    n, k = 300, 47
    split = type(result.data.test).pack(np.random.default_rng(0).random((n, 64), np.float32), np.arange(n) % k, k)
    data = dataclasses.replace(result.data, test=split, train=split, class_names=tuple(map(str, range(k))))
    logits = np.random.default_rng(1).normal(size=(n, k)).astype(np.float32)
    return dataclasses.replace(result, data=data, test=dataclasses.replace(result.test, logits=logits))


@pytest.mark.parametrize("made", RUNS.values(), ids=list(RUNS))
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_every_figure_of_every_kind_of_run(made, tmp_path, caplog):
    before = dict(mpl.rcParams)
    draw(made(), tmp_path)
    assert not caplog.records, caplog.text
    assert {path.stem for path in tmp_path.glob("*.png")} == set(FIGURES)
    for path in tmp_path.glob("*.png"):
        pixels = imread(path)
        assert min(pixels.shape[:2]) > 60
        assert max(pixels.shape[:2]) < 1400
        assert pixels[..., :3].std() > 0.01, "not empty"
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_titled_and_their_axes_labelled(name):
    figure = FIGURES[name](trained())
    title, subtitle, *others = [text.get_text() for text in figure.texts]
    assert len(title) > 10
    assert "synthetic" in subtitle
    if name == "confusion_matrix":
        assert {"predicted class", "true class"} <= set(others)
    if name == "learning_curves":
        assert others.count("epoch") == len(figure.axes) == 2
        assert {"Loss (cross entropy)", "Accuracy", "training", "validation", "weights kept"} <= set(others)


def test_a_figure_that_fails_is_reported_and_the_others_are_drawn(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(FIGURES, "predictions", lambda result: 1 / 0)
    with pytest.raises(OSError, match="'predictions' could not be drawn"):
        draw(trained(), tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == set(FIGURES) - {"predictions"}
    assert "ZeroDivisionError" in caplog.text


def test_the_confusion_matrix_counts():
    result = trained()
    labels, said = result.data.test.labels, np.argmax(result.test.logits, axis=1)
    counts = confusion_counts(labels, said, result.data.n_classes)
    assert counts.sum() == len(result.data.test)
    assert np.trace(counts) == round(result.test.accuracy * len(result.data.test))
    assert (counts.sum(axis=1) == np.bincount(result.data.test.labels)).all()


def test_a_loss_below_zero_is_seen():
    """The confidence penalty takes an entropy off the loss."""
    loss = FIGURES["learning_curves"](trained(loss=CrossEntropy(confidence_penalty=3.0))).axes[0]
    low, high = loss.get_ylim()
    values = np.concatenate([line.get_ydata() for line in loss.lines[:2]])
    assert values.min() < 0
    assert low <= values.min() <= values.max() <= high


def test_the_learning_curves_show_the_history():
    result = trained(epochs=3)
    loss, accuracy = FIGURES["learning_curves"](result).axes
    for axes, key in ((loss, "loss"), (accuracy, "accuracy")):
        train, val = axes.lines[:2]
        assert list(train.get_ydata()) == [row[f"train/{key}"] for row in result.history]
        assert list(val.get_ydata()) == [row[f"val/{key}"] for row in result.history]
    assert f"{result.best['val/accuracy']:.2%}" in [text.get_text() for text in loss.figure.texts]
