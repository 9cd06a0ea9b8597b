"""Pixels kept as bytes: the same examples to the bit as float32 rows, whatever is asked for."""

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.data.byte_split import ByteSplit
from mnist_np.data.dataset import CHUNK, Split
from mnist_np.data.preprocess import PREPROCESS, apply
from mnist_np.data.sources import IDX, MNIST, Synthetic

N, SHAPE, CLASSES = 300, 7 * 5, 62


def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=PREPROCESS)
def both(request):
    """The same examples, preprocessed: their pixels kept as bytes, and as they are."""
    X, labels = rng().integers(0, 256, (N, SHAPE), np.uint8), rng().integers(0, CLASSES, N)
    X[:2] = [[0], [255]]
    splits = ByteSplit.pack(X, labels, CLASSES), Split.pack(X / np.float32(255), labels, CLASSES)
    pixels = PREPROCESS[request.param](splits[1])
    assert PREPROCESS[request.param](splits[0]) == pixels
    return [apply(pixels, split) for split in splits]


def assert_same(a, b):
    for name in ("X", "Y", "targets", "soft", "labels", "is_not_zero"):
        x, y = getattr(a, name), getattr(b, name)
        np.testing.assert_array_equal(x, y, err_msg=name)
        assert x.dtype == y.dtype, name


def test_it_gives_the_same_as_float32_rows(both):
    for part in (slice(None), slice(3, 40), slice(0, 0), np.array([5, 5, 299])):
        assert_same(*(split[part] for split in both))
    assert_same(both[0].converted(), both[1])
    assert both[0].rows.nbytes < both[1].rows.nbytes / 3.9


def test_batches_are_the_same(both):
    indices = rng().integers(0, N, 2 * CHUNK + 7)
    batches = [split.room(len(indices)) for split in both]
    for split, batch in zip(both, batches, strict=True):
        split.take(indices, out=batch)
    np.testing.assert_array_equal(batches[0].rows, batches[1].rows)
    assert batches[0].rows.dtype == np.float32


def test_soft_targets_are_the_same(both):
    soft = [split.with_soft_targets(3) for split in both]
    for split in soft:
        split[10:].soft[:] = rng().random((N - 10, 3), np.float32)
    assert_same(*soft)
    batches = [split.room(9) for split in soft]
    for split, batch in zip(soft, batches, strict=True):
        split.take(np.arange(8, 17), out=batch)
    np.testing.assert_array_equal(batches[0].rows, batches[1].rows)
    assert batches[0].soft[2:].all()


def test_copies_are_read_only(both):
    for name in ("X", "Y", "targets"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(both[0], name)[0, 0] = 1


def test_the_key_says_how_rows_are_kept():
    kept, converted = (Synthetic(dtype=dtype, preprocess="standardize").load(rng()) for dtype in ("uint8", "float32"))
    for a, b in ((kept.train, converted.train), (kept.val, converted.val), (kept.test, converted.test)):
        assert (a.rows.dtype, b.rows.dtype) == (np.uint8, np.float32)
        assert not b.rows.flags.writeable
        assert_same(a, b)
    assert (kept.sha256, kept.pixels) == (converted.sha256, converted.pixels)


@pytest.mark.parametrize("kind", [MNIST, IDX, Synthetic])
def test_another_dtype_is_refused(kind):
    with pytest.raises(ConfigError, match=r"^data.dtype = 'float16': did you mean 'float32'\? must be one of uint8, float32$"):
        kind(dtype="float16")
