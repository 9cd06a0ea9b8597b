"""How many inputs hold all that is not zero: true of every batch, however its images came about and whatever their layout."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_np.data import idx
from mnist_np.data.augment import Distort, NoAugment
from mnist_np.data.batches import batches_of
from mnist_np.data.dataset import Split, by_use
from mnist_np.data.sources import MNIST
from mnist_np.streams import Streams
from mnist_np.training.mixup import Mixup


def dark_outside(split):
    return not any(split.inputs[:m, n:].any() for m, n in split.steps())


@pytest.mark.parametrize(
    ("image", "lit"), [([0, 0, 1, 0, 2, 0], 5), ([1, 0, 0, 0, 0, 1], 6), ([0, 0, 0, 4, 0, 0], 4), ([0, 0, 0, 0, 0, 0], 0)]
)
def test_an_example_needs_its_columns_up_to_the_last_that_is_lit(image, lit):
    split = Split.pack(np.array([image, image[::-1]], np.float32), np.zeros(2, int), 3)
    assert split.lit[0] == split.with_soft_targets(3).lit[0] == lit
    assert split.steps() == [(2, max(split.lit))]


@pytest.mark.parametrize("m", [1, 2, 15, 16, 33, 64, 100])
@pytest.mark.parametrize("is_sorted", [True, False])
def test_steps_hold_whatever_the_order(m, is_sorted):
    rng = np.random.default_rng(m)
    X = rng.random((m, 9), np.float32) * (np.arange(9) < rng.integers(0, 10, (m, 1)))
    split = Split.pack(X, np.zeros(m, int), 3)
    if is_sorted:
        split = split[np.argsort(split.lit)]
    steps = split.steps()
    assert dark_outside(split)
    assert steps[-1] == (m, max(split.lit))
    assert np.all(np.diff(steps, axis=0) > 0)
    if m == 100 and is_sorted:
        assert len(steps) == 4


@pytest.mark.parametrize("batch_size", [7, 30, 300])
def test_a_batch_is_sorted_and_holds_what_it_did(batch_size):
    data = MNIST(train_size=100).load(np.random.default_rng(0))
    batches = batches_of(data, batch_size, NoAugment())
    order, shuffled = batches.order(Streams(0), 1), Streams(0)("shuffle", 1).permutation(100)
    for start in range(0, 100, batches.batch_size):
        part = slice(start, start + batches.batch_size)
        assert sorted(order[part]) == sorted(shuffled[part])
        assert np.all(np.diff(data.train.lit[order[part]]) >= 0)


@pytest.mark.parametrize("preprocess", ["scale", "standardize", "symmetric", "binarize"])
@pytest.mark.parametrize("augment", [NoAugment(), Distort(shift=3)], ids=["plain", "shifted"])
@pytest.mark.parametrize("mixup", [0, 0.4])
def test_beyond_them_every_batch_is_zero(preprocess, augment, mixup):
    data = MNIST(train_size=300, preprocess=preprocess).load(np.random.default_rng(0))
    mix, widths = Mixup(mixup or 1, data.train, 64), []
    for batch in batches_of(data, 64, augment).epoch(Streams(0), 0):
        if mixup:
            mix(batch, np.random.default_rng(0))
        assert dark_outside(batch)
        widths.append(max(batch.lit))
    narrow = preprocess in ("scale", "binarize") and not augment.active
    assert (max(widths) < 784) == narrow, "the test must see both: batches with dark columns, and without"


def test_a_layout_moves_columns_and_nothing_else():
    X, layout = np.arange(12, dtype=np.float32).reshape(2, 6), np.array([4, 2, 0, 1, 5, 3])
    split = Split.pack(X, np.array([0, 1]), 3, layout)
    np.testing.assert_array_equal(split.inputs, X[:, layout])
    np.testing.assert_array_equal(split.X, X)
    np.testing.assert_array_equal(split.labels, [0, 1])
    plain = split.with_soft_targets(2).plain()
    np.testing.assert_array_equal(plain.inputs, X)
    np.testing.assert_array_equal(plain.X, X)
    assert list(plain.lit) == [6, 6]


def test_the_pixels_most_often_lit_are_first():
    images = np.zeros((5, 2, 2), np.uint8)
    images[:, 1, 0], images[1:, 0, 1], images[2, 0, 0] = 9, 8, 255
    np.testing.assert_array_equal(by_use(images), [2, 1, 0, 3])


def test_mnist_keeps_its_images():
    data = MNIST().load(np.random.default_rng(0))
    assert data.train.layout is not None, "training is faster with it"
    assert data.val.layout is data.test.layout is None, "evaluation takes the inputs as they are"
    path = Path(idx.__file__).parent / "mnist" / "train-images-idx3-ubyte.gz"
    images = idx.decode(idx.read_file(path), path, 3).array.reshape(-1, 784) / np.float32(255)
    np.testing.assert_array_equal(data.train[:100].X, images[:100])
    np.testing.assert_array_equal(data.val.X[-100:], images[-100:])
    assert np.median(data.train.lit) < 500


def test_images_without_a_layout_may_move_too():
    data = MNIST(train_size=200).load(np.random.default_rng(0))
    data = replace(data, train=Split.pack(data.train.X, data.train.labels, 10))
    assert max(data.train.lit) < 784, "the test must see images with a dark end"
    assert all(dark_outside(batch) for batch in batches_of(data, 64, Distort(shift=6)).epoch(Streams(0), 0))
