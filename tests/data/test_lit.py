"""The range of inputs that are not zero: every batch knows one that holds all of its own, however its images came about."""

import numpy as np
import pytest

from mnist_np.data.augment import Distort, NoAugment
from mnist_np.data.batches import batches_of
from mnist_np.data.dataset import Split
from mnist_np.data.sources import MNIST
from mnist_np.streams import Streams
from mnist_np.training.mixup import Mixup


def dark_outside(split):
    start, stop = split.lit
    return not split.X[:, :start].any() and not split.X[:, stop:].any()


@pytest.mark.parametrize(
    ("images", "lit"),
    [
        ([[0, 0, 1, 0, 2, 0]], (2, 5)),
        ([[0, 0, 1, 0, 2, 0], [0, 3, 0, 0, 0, 0]], (1, 5)),
        ([[1, 0, 0, 0, 0, 1]], (0, 6)),
        ([[0, 0, 0, 0, 0, 0], [0, 0, 0, 4, 0, 0]], (3, 4)),
        ([[0, 0, 0, 0, 0, 0]], (0, 0)),
    ],
)
def test_the_range_of_a_batch_holds_that_of_each_image(images, lit):
    split = Split.pack(np.array(images, np.float32), np.zeros(len(images), int), 3)
    assert split.lit == lit
    assert split.with_soft_targets(3).lit == lit
    assert dark_outside(split)


@pytest.mark.parametrize("preprocess", ["scale", "standardize", "symmetric", "binarize"])
@pytest.mark.parametrize("augment", [NoAugment(), Distort(shift=3)], ids=["plain", "shifted"])
@pytest.mark.parametrize("mixup", [0, 0.4])
def test_outside_the_range_every_batch_is_zero(preprocess, augment, mixup):
    data = MNIST(train_size=300, preprocess=preprocess).load(np.random.default_rng(0))
    mix, widths = Mixup(mixup or 1, data.train, 64), []
    for batch in batches_of(data, 64, augment).epoch(Streams(0), 0):
        if mixup:
            mix(batch, np.random.default_rng(0))
        assert dark_outside(batch)
        widths.append(batch.lit[1] - batch.lit[0])
    narrow = preprocess in ("scale", "binarize") and not augment.active
    assert (max(widths) < 784) == narrow, "the test must see both: images with margins, and images without"
