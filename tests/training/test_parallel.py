"""Two processes train what one does, up to rounding, and the same bits each time."""

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from two_processes import experiment

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.augment import Distort
from mnist_np.data.sources import MNIST
from mnist_np.nn.initializers import Normal
from mnist_np.nn.maxout import Maxout
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS, SGD, Adam
from mnist_np.storage.checkpoint import Checkpointer
from mnist_np.training.events import Observer
from mnist_np.training.parallel import trainer

pytestmark = [
    pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="needs x86's memory order"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in Linux's /proc"),
]


@pytest.mark.parametrize("hidden", [[7], [16, 9], [20, 9, 12], [100, 80, 70, 6]], ids=str)
def test_like_one_process(hidden):
    model = MLP(hidden=hidden)
    one, two = (run(experiment(n, model=model, training={"dtype": "float64"})) for n in (1, 2))
    np.testing.assert_allclose(two.network.params, one.network.params, rtol=1e-9, atol=1e-12)
    assert two.history[-1]["train/loss"] == pytest.approx(one.history[-1]["train/loss"], rel=1e-9)
    assert two.history[-1]["train/accuracy"] == one.history[-1]["train/accuracy"]


@pytest.mark.parametrize("name", ["momentum", "nadam", "adadelta", "schedule_free_adamw"])
def test_like_one_process_with_all_that_goes_through_the_update(name):
    kind = OPTIMIZERS[name]
    averaged = {} if kind.averages else {"ema": 0.9}
    training = {"dtype": "float64", "l1": 1e-4, "l2": 1e-3, "clip_value": 0.05, "mixup": 0.2} | averaged
    one, two = (run(experiment(n, optimizer=kind(weight_decay=0.01), training=training)) for n in (1, 2))
    np.testing.assert_allclose(two.network.params, one.network.params, rtol=1e-7, atol=1e-9)


EVERYTHING = MLP(hidden=[40, 30, 20], dropout=0.2, input_dropout=0.1, noise=0.1, norm="batch", norm_output=True, max_norm=1.0)
DISTORTED = Distort(shift=2, rotation=15, scale=0.1, elastic_alpha=20, noise=0.1, cutout=3)
SPLIT = {
    "dropout": (MLP(hidden=[20, 9, 12], dropout=[0.3, 0.2, 0.5]), {}),
    "input dropout": (MLP(hidden=[20, 9, 12, 8], input_dropout=0.1), {}),
    "noise": (MLP(hidden=[20, 9, 12], noise=0.3, input_noise=0.2), {}),
    "batch norm": (MLP(hidden=[20, 9, 12, 8], norm="batch"), {"swa_start": 2}),
    "batch norm after": (MLP(hidden=[20, 9, 12], norm="batch", norm_position="after"), {"ema": 0.9}),
    "max norm": (MLP(hidden=[20, 9, 12, 8], max_norm=0.5), {}),
    "clip": (MLP(hidden=[20, 9]), {"clip_norm": 0.05}),
    "everything": (EVERYTHING, {"clip_norm": 1.0, "ema": 0.9}),
}


@pytest.mark.parametrize("name", SPLIT)
def test_like_one_process_with_layers_that_are_split(name):
    model, training = SPLIT[name]
    one, two = (run(experiment(n, model=model, training=training | {"dtype": "float64"})) for n in (1, 2))
    np.testing.assert_allclose(two.network.params, one.network.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(two.network.state, one.network.state, rtol=1e-7, atol=1e-9)
    assert two.history[-1]["train/loss"] == pytest.approx(one.history[-1]["train/loss"], rel=1e-9)
    assert two.test.loss == pytest.approx(one.test.loss, rel=1e-9)


def test_a_gradient_whose_square_overflows_is_clipped_by_two_processes_as_by_one():
    what = {"model": MLP(hidden=[20, 9, 12]), "init": Normal(std=1e7), "optimizer": SGD(lr=1e7)}
    training = {"clip_norm": 1.0, "batch_size": 100, "epochs": 1}
    one, two = (run(experiment(n, training=training, **what)) for n in (1, 2))
    np.testing.assert_allclose(two.network.params, one.network.params, rtol=1e-4, atol=1e-9)
    drawn = two.experiment.build_network(two.data.n_features, two.data.n_classes)
    assert np.linalg.norm(two.network.params - drawn.params) > 1e7, "three steps of length 1e7"


@pytest.mark.parametrize("model", [MLP(hidden=[20, 9, 12]), EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize(("examples", "mixup"), [(950, 0.0), (130, 0.0), (300, 0.2)])
def test_augmentation_like_one_process(model, examples, mixup):
    """Of 950 images five blocks of 200, the last one for one process alone; of 130 a part of one."""
    what = {"model": model, "data": MNIST(train_size=examples, validation_size=50), "augment": DISTORTED}
    one, two = (run(experiment(n, training={"dtype": "float64", "mixup": mixup}, **what)) for n in (1, 2))
    np.testing.assert_allclose(two.network.params, one.network.params, rtol=1e-7, atol=1e-9)


def test_augmentation_resumed_within_an_epoch_and_seen(tmp_path):
    what = experiment(2, data=MNIST(train_size=950, validation_size=50, preprocess="standardize"), augment=DISTORTED)
    whole, bits = run(what), []
    for steps in (3, 8, 29):  # of 19 an epoch; a pair of blocks has 8
        left, folder = iter(range(steps)), tmp_path / str(steps)
        run(what, [Checkpointer(folder)], lambda left=left: None if next(left, None) is not None else "as the test asks")
        bits.append(run(what, resume_from=folder).network.params.tobytes())
    assert bits == [whole.network.params.tobytes()] * 3
    watchers = Watches({2, 9, 19}), Watches({2, 9, 19})
    for n, watcher in zip((1, 2), watchers, strict=True):
        run(replace(what, training=replace(what.training, processes=n, epochs=1)), [watcher])
    for step, values in watchers[0].seen.items():
        np.testing.assert_allclose(watchers[1].seen[step][0], values[0], rtol=1e-4)


def test_the_examples_are_packed_while_the_second_process_starts(monkeypatch):
    done = []
    for name in ("start", "pack"):
        function = getattr(trainer, name)
        monkeypatch.setattr(trainer, name, lambda *a, name=name, function=function: done.append(name) or function(*a))
    run(experiment(2, 1, data=MNIST(train_size=200, validation_size=50)))
    assert done == ["start", "pack"]


@pytest.mark.parametrize("every_steps", [0, 4])
def test_the_same_bits_each_time_and_resumed(tmp_path, every_steps):
    what = experiment(2, 3, optimizer=Adam(), model=EVERYTHING)
    first, again = (run(what) for _ in range(2))
    left = iter(range(9))
    killed = run(
        what,
        [Checkpointer(tmp_path, every_steps=every_steps)],
        lambda: None if next(left, None) is not None else "as the test asks",
    )
    assert killed.status == "killed"
    if every_steps:
        max(tmp_path.glob("step-*")).unlink()  # that of the stop: what is left is of the last step that was due
        assert max(tmp_path.glob("step-*")).stem == "step-0000000008"
    resumed = run(what, resume_from=tmp_path)
    assert first.network.params.tobytes() == again.network.params.tobytes() == resumed.network.params.tobytes()


class Watches(Observer):
    """Keeps what it sees of some steps."""

    observes_steps = True

    def __init__(self, wanted):
        self.wanted, self.seen = wanted, {}

    def wants_step(self, step):
        return step in self.wanted

    def on_start(self, event):
        self.progress = event.progress

    def on_step(self, event):
        assert self.progress.step == event.step
        arrays = [event.network.params, event.network.grads, event.network.state]
        self.seen[event.step] = [event.loss, event.batch_length, self.progress.batch, *map(np.copy, arrays)]


@pytest.mark.parametrize("wanted", [range(1, 13), {1, 6, 7, 12}, {5}], ids=str)
def test_observers_of_steps_see_the_whole_network(wanted):
    watchers = Watches(wanted), Watches(wanted)
    for n, watcher in zip((1, 2), watchers, strict=True):
        result = run(experiment(n, model=EVERYTHING, optimizer=Adam(), training={"dtype": "float64"}), [watcher])
        assert not result.failures
    one, two = (watcher.seen for watcher in watchers)
    assert list(one) == list(two) == sorted(wanted)
    for step, values in one.items():
        for a, b in zip(values, two[step], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-8)


def test_diagnostics_are_those_of_one_process():
    training = {"dtype": "float64", "diagnostics": 4}
    one, two = (run(experiment(n, training=training)).diagnostics.looks for n in (1, 2))
    assert list(one) == list(two) == [0, 4, 8, 12]
    for step, layers in one.items():
        for a, b in zip(layers, two[step], strict=True):
            assert b == pytest.approx(a, rel=1e-6)


def test_divergence_ends_it_like_one_process():
    one, two = (run(experiment(n, optimizer=SGD(lr=1e30))) for n in (1, 2))
    assert (one.status, two.status) == ("diverged", "diverged")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"model": MLP(hidden=[])}, "hidden"),
        ({"activation": Maxout()}, "maxout"),
        ({"model": MLP(hidden=[8], norm="layer")}, "LayerNorm"),
        ({"optimizer": OPTIMIZERS["muon"]()}, "Muon"),
        ({"optimizer": OPTIMIZERS["lbfgs"]()}, "LBFGS"),
        ({"training": {"vat": 1.0}}, "vat"),
    ],
)
def test_what_cannot_be_shared_is_refused(changes, word):
    with pytest.raises(ConfigError, match=rf"training\.processes = 2: must be 1.*{word}"):
        run(experiment(2, **changes))
