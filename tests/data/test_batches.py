"""Batches: every example once an epoch, in an order that seed and epoch decide."""

import threading
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_np.component import ConfigError
from mnist_np.data import batches
from mnist_np.data.augment import Augment, Distort, NoAugment
from mnist_np.data.batches import AugmentedBatches, Batches, batches_of
from mnist_np.data.dataset import Dataset, Split
from mnist_np.data.sources import Synthetic
from mnist_np.streams import Streams


def numbered(n):
    """A split whose examples carry their number."""
    return Split.pack(np.repeat(np.arange(n, dtype=np.float32)[:, None], 4, axis=1), np.arange(n) % 2, 2)


def dataset(n):
    empty = numbered(0)
    return Dataset("numbered", numbered(n), empty, empty, (2, 2), ("even", "odd"), "", "")


UNCHANGED = Distort(noise=1e-30)
"""Goes all the way through augmentation and changes nothing that a float32 would show."""


def numbers(epoch):
    return [batch.X[:, 0].copy() for batch in epoch]


@given(n=st.integers(1, 60), batch_size=st.integers(1, 70), start=st.integers(0, 5))
def test_every_example_once_in_batches_of_the_size(n, batch_size, start):
    made = Batches(numbered(n), batch_size)
    whole = numbers(made.epoch(Streams(3), 1))
    assert len(whole) == len(made) == -(-n // batch_size)
    assert all(len(batch) == min(batch_size, n) for batch in whole[:-1])
    assert len(whole[-1]) == n - (len(made) - 1) * min(batch_size, n)
    assert sorted(np.concatenate(whole)) == list(range(n))
    resumed = numbers(made.epoch(Streams(3), 1, start))
    np.testing.assert_array_equal(np.concatenate([*resumed, []]), np.concatenate([*whole[start:], []]))


def test_targets_stay_with_their_examples():
    for batch in Batches(numbered(10), 4).epoch(Streams(0), 0):
        np.testing.assert_array_equal(batch.labels, batch.X[:, 0] % 2)


def test_order_is_a_function_of_seed_and_epoch():
    made = Batches(numbered(50), 50)
    first = numbers(made.epoch(Streams(0), 0))[0]
    np.testing.assert_array_equal(first, numbers(made.epoch(Streams(0), 0))[0])
    for other in (made.epoch(Streams(0), 1), made.epoch(Streams(1), 0)):
        assert not np.array_equal(first, numbers(other)[0])


def test_augmentation_is_chosen_where_something_changes():
    data = dataset(5)
    assert type(batches_of(data, 2, NoAugment())) is type(batches_of(data, 2, Distort())) is Batches
    assert type(batches_of(data, 2, UNCHANGED)) is AugmentedBatches


@pytest.mark.parametrize(("n", "batch_size"), [(50, 7), (50, 50), (50, 1), (50, 64), (1, 1)])
@pytest.mark.parametrize("pixels", [4, 40, 4000])
def test_augmented_batches_hold_the_same_examples(monkeypatch, n, batch_size, pixels):
    monkeypatch.setattr(AugmentedBatches, "PIXELS", pixels)
    data = dataset(n)
    data.train.X[:] /= n  # pixels in [0, 1]
    plain, augmented = Batches(data.train, batch_size), AugmentedBatches(data, batch_size, UNCHANGED)
    for start in (0, 2, 100):
        pairs = zip(
            [(batch.X.copy(), batch.labels) for batch in plain.epoch(Streams(0), 0, start)],
            [(batch.X.copy(), batch.labels) for batch in augmented.epoch(Streams(0), 0, start)],
            strict=True,
        )
        for (X, labels), (augmented_X, augmented_labels) in pairs:
            by_pixels, too = np.lexsort(X.T), np.lexsort(augmented_X.T)  # within a batch plain ones are sorted, these are not
            np.testing.assert_allclose(X[by_pixels], augmented_X[too], rtol=0, atol=1e-20)
            np.testing.assert_array_equal(labels[by_pixels], augmented_labels[too])


def augmented(monkeypatch, workers, seed=0, epoch=0, start=0, preprocess="scale"):
    monkeypatch.setattr(AugmentedBatches, "PIXELS", 64 * 20)
    monkeypatch.setattr(batches, "_workers", lambda: workers)
    data = Synthetic(preprocess=preprocess).load(np.random.default_rng(0))
    made = AugmentedBatches(data, 16, Distort(shift=1, rotation=20, elastic_alpha=8, noise=0.1, cutout=2))
    return [batch.X.copy() for batch in made.epoch(Streams(seed), epoch, start)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_threads_change_nothing(monkeypatch, workers):
    np.testing.assert_array_equal(augmented(monkeypatch, workers), augmented(monkeypatch, 3))


@pytest.mark.parametrize("start", [1, 2, 3, 17])
def test_a_resumed_epoch_sees_what_the_whole_one_would_have_seen(monkeypatch, start):
    np.testing.assert_array_equal(augmented(monkeypatch, 2, start=start), augmented(monkeypatch, 2)[start:])


def test_every_epoch_and_seed_is_distorted_anew(monkeypatch):
    first = np.sort(np.concatenate(augmented(monkeypatch, 2)).sum(axis=1))
    for changed in ({"epoch": 1}, {"seed": 1}):
        other = np.sort(np.concatenate(augmented(monkeypatch, 2, **changed)).sum(axis=1))
        assert np.max(np.abs(first - other)) > 1e-3


@pytest.mark.parametrize(("preprocess", "values"), [("scale", (0, 1)), ("symmetric", (-1, 1)), ("binarize", (0, 1))])
def test_value_ranges_are_kept(monkeypatch, preprocess, values):
    X = np.concatenate(augmented(monkeypatch, 2, preprocess=preprocess))
    assert X.min() == pytest.approx(values[0], abs=1e-6)
    assert values[1] - 0.2 < X.max() <= values[1]
    if preprocess == "binarize":
        assert set(np.unique(X)) == {0, 1}


def test_distortion_comes_before_preprocessing(monkeypatch):
    scaled = np.concatenate(augmented(monkeypatch, 2))
    symmetric = np.concatenate(augmented(monkeypatch, 2, preprocess="symmetric"))
    np.testing.assert_allclose(symmetric, 2 * scaled - 1, atol=1e-5)


def test_threads_end_with_the_epoch_however_it_ends(monkeypatch):
    def alive():
        return [thread for thread in threading.enumerate() if thread.name.startswith("augment")]

    made = AugmentedBatches(dataset(500), 1, UNCHANGED)
    made.block_size = 10
    list(made.epoch(Streams(0), 0))
    assert not alive()
    with closing(made.epoch(Streams(0), 0)) as left:
        next(left)
        assert alive()
    assert not alive()


def test_what_fails_in_a_thread_is_raised_where_the_batch_is_wanted(monkeypatch):
    def fail(self, images, rng):
        raise MemoryError("no room")

    monkeypatch.setattr(Distort, "__call__", fail)
    with pytest.raises(MemoryError, match="no room"):
        next(AugmentedBatches(dataset(5), 1, UNCHANGED).epoch(Streams(0), 0))


@dataclass
class Turned(Augment):
    """By a right angle, which changes the shape of images that are not square."""

    active = True

    def __call__(self, images, rng):
        return images.transpose(0, 2, 1)


def test_images_of_another_shape_are_refused():
    data = replace(dataset(8), image_shape=(1, 4))
    with pytest.raises(ConfigError, match=r"Turned.*gave images of the shape \(8, 4, 1\), not \(8, 1, 4\)"):
        list(batches_of(data, 4, Turned()).epoch(Streams(0), 1))
