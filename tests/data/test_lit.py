"""How many inputs hold all that is not zero: true of every batch, however its images came about and whatever their layout."""

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
    return not split.inputs[:, split.lit :].any()


@pytest.mark.parametrize(
    ("images", "lit"),
    [
        ([[0, 0, 1, 0, 2, 0]], 5),
        ([[0, 0, 1, 0, 2, 0], [0, 3, 0, 0, 0, 0]], 5),
        ([[1, 0, 0, 0, 0, 1]], 6),
        ([[0, 0, 0, 0, 0, 0], [0, 0, 0, 4, 0, 0]], 4),
        ([[0, 0, 0, 0, 0, 0]], 0),
    ],
)
def test_a_batch_needs_the_columns_of_all_its_images(images, lit):
    split = Split.pack(np.array(images, np.float32), np.zeros(len(images), int), 3)
    assert split.lit == lit
    assert split.with_soft_targets(3).lit == lit
    assert dark_outside(split)


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
        widths.append(batch.lit)
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
    assert plain.lit == 6


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
    assert data.train[:128].lit < 700
