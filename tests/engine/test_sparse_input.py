"""The first layer without the products with zero: what is left out is zero, in every batch, and nothing else changes."""

import mmap

import numpy as np
import pytest

from mnist_np.data.augment import NoAugment
from mnist_np.data.batches import Batches
from mnist_np.data.dataset import Split
from mnist_np.data.sources import MNIST
from mnist_np.engine.fast import Pass, engine_of
from mnist_np.engine.sparse_input import SparseBatch, SparseBatches, is_sparse, pack, packed, steps_of
from mnist_np.engine.textbook import TextbookEngine
from mnist_np.experiment import Training
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import SGD
from mnist_np.streams import Streams


def packed_rows(X, labels=None, n_classes=3):
    split = Split.pack(np.asarray(X, np.float32), np.zeros(len(X), int) if labels is None else labels, n_classes)
    return pack(split, np.empty_like(split.rows))


def is_zero_outside(batch):
    return not any(batch.X[:m, n:].any() for m, n in batch.steps)


def test_inputs_used_most_often_come_first_and_targets_stay():
    X = np.array([[0, 0, 9, 0], [0, 8, 9, 0], [7, 8, 9, 0], [0, 8, 9, 0]])
    examples = packed_rows(X, np.array([0, 1, 2, 1]))
    np.testing.assert_array_equal(examples.order, [2, 1, 0, 3])
    np.testing.assert_array_equal(examples.split.X, X[:, [2, 1, 0, 3]])
    np.testing.assert_array_equal(examples.split.labels, [0, 1, 2, 1])
    np.testing.assert_array_equal(examples.reach, [1, 2, 3, 2])


@pytest.mark.parametrize(
    ("image", "reach"), [([0, 0, 1, 0, 2, 0], 5), ([1, 0, 0, 0, 0, 1], 6), ([0, 0, 0, 4, 0, 0], 4), ([0, 0, 0, 0, 0, 0], 0)]
)
def test_reach_is_the_columns_up_to_the_last_that_is_not_zero(image, reach):
    many = np.tril(np.ones((50, 6)))[:6].repeat(9, axis=0)  # so that the columns stand as they are
    examples = packed_rows(np.vstack([np.tile(np.arange(6, 0, -1) > np.arange(6)[:, None], (20, 1)), many * 0 + 1, [image]]))
    np.testing.assert_array_equal(examples.order, np.arange(6))
    assert examples.reach[-1] == reach


@pytest.mark.parametrize("m", [1, 2, 15, 16, 33, 64, 100])
def test_steps_cover_the_batch(m):
    reach = np.sort(np.random.default_rng(m).integers(0, 10, (3, m), dtype=np.int32), axis=1)
    for row, steps in zip(reach, steps_of(reach), strict=True):
        assert steps[-1] == (m, row[-1])
        assert np.all(np.diff(steps, axis=0) > 0)
        start = 0
        for end, n in steps:
            assert row[start:end].max() <= n
            start = end
        if m == 100:
            assert len(steps) == 4


@pytest.mark.parametrize("preprocess", ["scale", "binarize"])
@pytest.mark.parametrize("batch_size", [1, 7, 30, 64, 300])
def test_a_batch_is_sorted_and_holds_what_it_did(batch_size, preprocess):
    data = MNIST(train_size=100, preprocess=preprocess).load(np.random.default_rng(0))
    examples = packed(data.train)
    batches, plain = SparseBatches(examples, batch_size), Batches(data.train, batch_size)
    widths = []
    for start in (0, 1):
        pairs = zip(batches.epoch(Streams(0), 1, start), plain.epoch(Streams(0), 1, start), strict=True)
        for batch, other in pairs:
            assert is_zero_outside(batch)
            np.testing.assert_array_equal(batch.X, other.X[:, examples.order][batch.positions])
            np.testing.assert_array_equal(batch.targets, other.targets[batch.positions])
            widths.append(batch.steps[0][1])
    assert np.median(widths or [0]) < 600, "most of an image is black"


@pytest.mark.parametrize(
    ("preprocess", "expected"), [("scale", True), ("binarize", True), ("standardize", False), ("symmetric", False)]
)
def test_what_is_sparse(preprocess, expected):
    assert is_sparse(MNIST(train_size=100, preprocess=preprocess).load(np.random.default_rng(0)).train) == expected


def test_what_was_packed_last_is_kept():
    data = MNIST(train_size=50).load(np.random.default_rng(0))
    assert packed(data.train) is packed(data.train)
    assert packed(MNIST(train_size=40).load(np.random.default_rng(0)).train) is not packed(data.train)


def test_mapped_rows_are_packed_like_any_others(tmp_path):
    rows = np.random.default_rng(0).random((3000, 32), dtype=np.float32) * (np.arange(32) % 3 == 0)
    rows[:, 20:] = 0
    rows.tofile(tmp_path / "rows")
    for offset in (0, 128 * 7):  # from any row on, not only from where a page begins
        mapped = np.memmap(tmp_path / "rows", np.float32, "r", offset, (3000 - offset // 128, 32)).view(np.ndarray)
        split = Split(mapped, 20, 3)
        again = pack(split, np.empty_like(mapped))
        np.testing.assert_array_equal(again.split.X, rows[offset // 128 :, :20][:, again.order])
        np.testing.assert_array_equal(mapped, rows[offset // 128 :])
    assert mmap.PAGESIZE > 128


def fill(X, steps):
    """Numbers where the steps allow them."""
    start = 0
    for m, n in steps:
        X[start:m, :n] = np.random.default_rng(m).random((m - start, n))
        start = m


def fast(network, steps, batch, rng):
    """Loss and gradients by the fast engine, told these steps."""
    engine = engine_of(network, CrossEntropy(), SGD(), Training())
    engine.passes[len(batch)] = Pass(network, CrossEntropy(), len(batch), sparse=True)
    sparse = SparseBatch(batch.rows, batch.n_features, batch.n_classes, 0, np.arange(len(batch)), steps)
    return engine.loss_and_gradients(sparse, rng)


@pytest.mark.parametrize("steps", [[(8, 9)], [(8, 6)], [(8, 0)], [(3, 2), (8, 7)], [(1, 0), (2, 1), (6, 8), (8, 9)]], ids=str)
@pytest.mark.parametrize("fields", [{}, {"hidden": []}, {"norm": "batch"}, {"noise": 0.1}, {"dropout": 0.3}], ids=str)
def test_the_same_loss_and_gradients(steps, fields):
    network = MLP(**({"hidden": [7, 5]} | fields)).build(9, 3, np.random.default_rng(0), dtype=np.float64)
    X = np.zeros((8, 9), np.float32)
    fill(X, steps)
    batch = Split.pack(X, np.arange(8) % 3, 3)
    textbook = TextbookEngine(network, CrossEntropy(), SGD(), Training())
    loss = textbook.loss_and_gradients(batch, np.random.default_rng(2))
    grads = network.grads.copy()
    for _ in range(2):  # whatever an earlier batch has left there
        network.grads.fill(np.nan)
        assert fast(network, steps, batch, np.random.default_rng(2)) == pytest.approx(loss)
        np.testing.assert_allclose(network.grads, grads, rtol=1e-12, atol=1e-15)


def test_what_lies_beyond_is_not_looked_at():
    network = MLP(hidden=[7]).build(9, 3, np.random.default_rng(0))
    X, steps = np.full((8, 9), np.nan, np.float32), [(3, 2), (8, 7)]
    fill(X, steps)
    assert np.isfinite(fast(network, steps, Split.pack(X, np.arange(8) % 3, 3), np.random.default_rng(0)))
    assert np.isfinite(network.grads).all()


def test_mnist_is_packed_for_training_and_keeps_its_images():
    data = MNIST(train_size=500).load(np.random.default_rng(0))
    before = data.train.X.copy()
    network = MLP().build(784, 10, np.random.default_rng(0))
    engine = engine_of(network, CrossEntropy(), SGD(), Training())
    assert isinstance(engine.batches(data, 64, NoAugment()), SparseBatches)
    np.testing.assert_array_equal(data.train.X, before)
