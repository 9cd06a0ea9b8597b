"""A step of the fast engine allocates nothing: all its arrays are made once, and used again by every later step."""

import tracemalloc

import numpy as np
import pytest

from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.streams import Streams
from mnist_np.training.events import Observers
from mnist_np.training.mode import Mode
from mnist_np.training.run import trainer_of

BUFFER = 40_000
"""Bytes: NumPy's own buffer where a row is added to a matrix (32 KiB, whatever their sizes), and Python's small objects."""


class Watch:
    """Asked before every step, as an interrupt is: notes how much was allocated at the peak of the step before."""

    def __init__(self):
        self.peaks = []

    def __call__(self):
        now, peak = tracemalloc.get_traced_memory()
        self.peaks.append(peak - getattr(self, "before", peak))
        tracemalloc.reset_peak()
        self.before = now


def step_peaks(experiment, batch_size):
    """Bytes allocated at the peak of each step of a second epoch, the first having made all arrays."""
    data = Synthetic(examples=5 * batch_size, validation_size=0, side=28).load(np.random.default_rng(0))
    network = experiment.build_network(data.n_features, data.n_classes)
    parts = (experiment.loss, experiment.optimizer, experiment.schedule, experiment.training, Streams(0), Observers())
    watch = Watch()
    trainer = trainer_of(Mode())(network, data, *parts, watch)
    progress = trainer.begin()
    trainer.train_epoch(progress)
    progress.batch = 0
    watch.peaks.clear()
    tracemalloc.start()
    try:
        trainer.train_epoch(progress)
    finally:
        tracemalloc.stop()
    return watch.peaks[2:]  # the first step comes after the epoch's order, and the peak before it is that order's


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("changes", [{}, {"l2": 1e-4}, {"clip_norm": 1.0}], ids=str)
def test_a_step_allocates_nothing(optimizer, changes):
    batch_size = 256
    model = MLP(hidden=[256, 128])  # the smallest array of a step, but for logits, has 256 x 128 x 4 = 131,072 bytes
    experiment = Experiment(model, optimizer=OPTIMIZERS[optimizer](), training=Training(batch_size=batch_size, **changes))
    peaks = step_peaks(experiment, batch_size)
    assert len(peaks) == 3
    assert max(peaks) < BUFFER


def test_inference_of_many_keeps_few_activations():
    network = MLP(hidden=[256]).build(784, 10, np.random.default_rng(0))
    X = np.zeros((20_000, 784), np.float32)
    network.predict(X[:1])
    tracemalloc.start()
    try:
        assert network.predict(X).shape == (20_000,)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000 * 256 * 4 / 2, "half of what the hidden layer of all images would take"


def test_inference_in_pieces_is_inference():
    network = MLP(hidden=[30, 20]).build(784, 10, np.random.default_rng(0), dtype=np.float64)
    X = np.random.default_rng(1).random((1234, 784))
    whole = network.logits(X).copy()
    np.testing.assert_allclose(whole[700:800], network.logits(X[700:800]), rtol=1e-12)
    np.testing.assert_array_equal(network.predict(X), whole.argmax(axis=1))
    np.testing.assert_allclose(network.predict_proba(X).sum(axis=1), 1)
