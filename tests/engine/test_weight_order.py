"""The order of the inputs in which the fast engine trains: nobody sees it, and it changes nothing but rounding."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.data.splits import RawSplits, divide
from mnist_np.engine.fast import engine_of
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS, Adam, Momentum
from mnist_np.training.events import Observer


def dim_data():
    """Small images of which many pixels are zero, the last ones most often."""
    published = Synthetic(examples=340, validation_size=100).read()
    parts = []
    for split in (published.decoded.train, published.decoded.test):
        X = np.where(np.linspace(0, 1.1, 64) < split.X, split.X, 0)[:, np.random.default_rng(1).permutation(64)]
        parts.append(type(split).pack(X, split.labels, split.n_classes))
    decoded = replace(published.decoded, train=parts[0], test=parts[1])
    return divide(RawSplits("dim", decoded, published.class_names, ""), 100, None, "scale", np.random.default_rng(0))


DATA = dim_data()


def same(experiment, tolerance=1e-9):
    """Train by the textbook and by the fast engine, with its order of inputs, and compare."""
    textbook = replace(experiment, training=replace(experiment.training, engine="textbook", processes=1))
    expected, found = run(textbook, data=DATA), run(experiment, data=DATA)
    np.testing.assert_allclose(found.network.params, expected.network.params, rtol=tolerance, atol=tolerance)
    assert found.test.accuracy == expected.test.accuracy
    for one, other in zip(expected.history, found.history, strict=True):
        assert one["val/loss"] == pytest.approx(other["val/loss"], rel=1e-7)


def settings(**changes):
    return Training(**({"epochs": 3, "batch_size": 32, "dtype": "float64"} | changes))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_with_every_optimizer(name):
    changes = {"iterations": 3} if name == "lbfgs" else {}
    same(Experiment(MLP(hidden=[12, 8]), optimizer=OPTIMIZERS[name](**changes), training=settings()), 1e-6)


@pytest.mark.parametrize(
    ("model", "training"),
    [
        ({"norm": "batch", "max_norm": 1.0}, {"l2": 0.01, "l1": 0.001}),
        ({"hidden": []}, {"ema": 0.9}),
        ({"norm": "layer"}, {"swa_start": 2, "clip_norm": 0.5, "diagnostics": 4}),
        ({"hidden": [12, 8, 6]}, {"processes": 2}),
    ],
    ids=str,
)
def test_with_every_part_that_knows_rows_of_weights(model, training):
    optimizer = Momentum(lr=0.03, weight_decay=0.01)
    experiment = Experiment(MLP(**({"hidden": [12]} | model)), optimizer=optimizer, training=settings(**training))
    same(experiment)


@pytest.mark.parametrize(("dropout", "mixup"), [(0.3, 0), (0, 0.4)])
def test_with_every_part_that_draws_for_each_example(dropout, mixup):
    experiment = Experiment(MLP(hidden=[12], dropout=dropout), training=settings(mixup=mixup))
    same(experiment)


class Watch(Observer):
    """Keeps what it sees of the first weights and of Adam's memory of them, at every third step and after every epoch."""

    observes_steps = True

    def __init__(self):
        self.seen = []

    def wants_step(self, step):
        return step % 3 == 0

    def on_start(self, event):
        self.progress = event.progress

    def on_step(self, event):
        self.seen.append((event.step, event.network.arrays()["W1"].copy(), self.progress.optimizer["m"].copy()))

    def on_epoch(self, event):
        self.seen.append((event.epoch, event.network.arrays()["W1"].copy(), self.progress.optimizer["m"].copy()))


def test_observers_see_each_row_in_its_place():
    experiment = Experiment(MLP(hidden=[12]), optimizer=Adam(), training=settings(epochs=2))
    plain, other = Watch(), Watch()
    run(replace(experiment, training=settings(epochs=2, engine="textbook")), [plain], data=DATA)
    run(experiment, [other], data=DATA)
    assert [step for step, *_ in plain.seen] == [step for step, *_ in other.seen] == [3, 6, 1, 9, 12, 15, 2]
    for (_, W, m), (_, V, n) in zip(plain.seen, other.seen, strict=True):
        np.testing.assert_allclose(V, W, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(n, m, rtol=1e-9, atol=1e-12)


def test_observers_change_nothing():
    experiment = Experiment(MLP(hidden=[12]), optimizer=Adam(), training=settings(epochs=2, dtype="float32"))
    unseen, seen = run(experiment, data=DATA), run(experiment, [Watch()], data=DATA)
    np.testing.assert_array_equal(unseen.network.params, seen.network.params)


def test_an_error_within_an_epoch_leaves_each_row_in_its_place():
    experiment = Experiment(MLP(hidden=[12]), optimizer=Adam())
    network = experiment.build_network(64, 4)
    before, m = network.params.copy(), network.params.copy()
    engine = engine_of(network, experiment.loss, experiment.optimizer, experiment.training)
    engine.batches(DATA, 32, experiment.augment)
    order = engine.weight_order.order
    assert not np.array_equal(order, np.arange(64))

    def fail_within():
        with engine.epoch({"m": m, "_scratch": np.empty(3)}, {}):
            for vector in (network.params, m):
                np.testing.assert_array_equal(vector[: 64 * 12].reshape(64, 12), before[: 64 * 12].reshape(64, 12)[order])
                np.testing.assert_array_equal(vector[64 * 12 :], before[64 * 12 :])
            with engine.pause({"m": m}):
                np.testing.assert_array_equal(network.params, before)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_within()
    np.testing.assert_array_equal(network.params, before)
    np.testing.assert_array_equal(m, before)
