"""Diagnostics: numbers by hand, and a training that goes on as if nobody had looked."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activations import GELU
from mnist_np.nn.mlp import MLP
from mnist_np.training.diagnostics import Diagnostics, histogram
from mnist_np.training.events import Observer


def experiment(diagnostics="off", epochs=2, **model):
    training = Training(epochs=epochs, batch_size=100, diagnostics=diagnostics)
    return Experiment(model=MLP(hidden=[12, 8], **model), data=Synthetic(), training=training)


class Watch(Observer):
    """Keeps the parameters before the first and after each step, and each epoch's metrics."""

    observes_steps = True

    def on_start(self, event):
        self.params, self.metrics = [event.network.params.copy()], []

    def on_step(self, event):
        self.params.append(event.network.params.copy())

    def on_epoch(self, event):
        self.metrics.append(event.metrics)


@pytest.mark.parametrize("model", [{}, {"dropout": 0.3, "norm": "batch", "noise": 0.1}], ids=str)
def test_looking_changes_nothing(model):
    plain = run(experiment(**model))
    for diagnostics in ("epoch", 1, 5):
        watched = run(experiment(diagnostics, **model))
        assert watched.network.params.tobytes() == plain.network.params.tobytes()
        assert watched.network.state.tobytes() == plain.network.state.tobytes()


def test_off_has_no_observer():
    assert run(experiment("off", epochs=1)).diagnostics is None


@pytest.mark.parametrize(("diagnostics", "steps"), [("epoch", [0, 6, 12]), (5, [0, 5, 10]), (100, [0])])
def test_when_it_looks(diagnostics, steps):
    assert list(run(experiment(diagnostics)).diagnostics.looks) == steps


def test_numbers_by_hand():
    watch = Watch()
    result = run(experiment(4, epochs=1), [watch])
    network, data, step = result.experiment.build_network(64, 4), result.data, 4
    network.params[:] = watch.params[step]
    X, Y = np.ascontiguousarray(data.train.X), data.train.Y
    network.loss_and_gradients(X, Y, result.experiment.loss, np.random.default_rng(0))
    outputs = [X]
    for layer in network.layers:
        outputs.append(layer.forward(outputs[-1])[0])
    outputs = outputs[1:]
    look = result.diagnostics.looks[step]
    for i, (w, a) in enumerate([("W1", 1), ("W2", 3), ("W3", 4)]):
        spec = next(spec for spec in network.specs if spec.name == w)
        before, after = spec.view(watch.params[step - 1]), spec.view(watch.params[step])
        A = outputs[a]
        expected = {
            "weight_norm": np.sqrt(np.sum(after.astype(float) ** 2)),
            "gradient_norm": np.sqrt(np.sum(spec.view(network.grads).astype(float) ** 2)),
            "update_ratio": np.linalg.norm(after - before) / np.linalg.norm(before),
            "activation_norm": np.mean([np.linalg.norm(row) for row in A]),
            "activation_mean": A.mean(),
            "activation_sd": A.std(),
        }
        if i < 2:
            expected["dead"] = np.mean([len(set(unit)) == 1 for unit in A.T])
        assert look[i] == pytest.approx(expected, rel=1e-4)


def test_gradients_are_those_of_each_example_by_z():
    result = run(experiment("epoch", epochs=1))
    network, train = result.network, result.data.train
    expected = network.predict_proba(train.X) - train.Y  # softmax and cross-entropy: A - Y
    last = result.diagnostics.pictures[6][-1].gradients
    assert (last.edges[0], last.edges[-1]) == pytest.approx((expected.min(), expected.max()), rel=1e-4)
    assert (last.mean, last.sd) == pytest.approx((expected.mean(), expected.std()), rel=1e-3, abs=1e-6)
    assert last.counts.sum() == expected.size


def test_dead_units_are_found():
    diagnostics = Diagnostics()
    network = run(experiment("off", epochs=1), [diagnostics]).network
    network.arrays()["b1"][:] = [-1e6] * 3 + [100] * 9
    assert diagnostics.layers(network)[0].numbers["dead"] == pytest.approx(3 / 12)


def test_dropped_units_are_not_dead_nor_part_of_the_activations():
    dropped = run(replace(experiment("epoch", epochs=1, dropout=0.9), activation=GELU())).diagnostics.pictures[0][0]
    plain = run(replace(experiment("epoch", epochs=1), activation=GELU())).diagnostics.pictures[0][0]
    assert dropped.numbers["dead"] == 0
    assert dropped.activations.sd == plain.activations.sd


def test_numbers_join_the_metrics_of_the_epoch_and_the_history():
    watch = Watch()
    result = run(experiment("epoch"), [watch])
    for epoch in range(2):
        assert watch.metrics[epoch]["layers/1/dead"] == result.history[epoch]["layers/1/dead"]
        assert watch.metrics[epoch]["layers/3/weight_norm"] == result.diagnostics.looks[6 * (epoch + 1)][2]["weight_norm"]
        assert "layers/3/dead" not in watch.metrics[epoch]


def test_of_many_looks_three_are_kept_whole():
    assert list(run(experiment(1)).diagnostics.pictures) == [0, 6, 12]
    assert list(run(experiment(7)).diagnostics.pictures) == [0, 7]
    assert list(run(experiment("epoch", epochs=5)).diagnostics.pictures) == [0, 12, 30]


@pytest.mark.parametrize("value", ["epochs", 0, True, 1.5, None])
def test_a_mistake_is_named(value):
    with pytest.raises(ConfigError, match=r"training.diagnostics = .*off, epoch"):
        Training(diagnostics=value)


def test_a_bare_off_in_yaml_is_off():
    assert Training(diagnostics=False).diagnostics == "off"
    assert Diagnostics().every is None


@pytest.mark.parametrize("value", [0, -3, 1e8, 1e37, 3e-39])
def test_equal_values_are_a_histogram(value):
    """Of large ones float32 holds no 60 numbers within 0.5."""
    found = histogram(np.full(10, value, np.float32))
    assert found.counts.max() == found.counts.sum() == 10
    bin_ = int(found.counts.argmax())
    assert found.edges[bin_] <= np.float32(value) <= found.edges[bin_ + 1]
    assert (np.diff(found.edges) > 0).all()
