"""How examples are divided and preprocessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_np.component import ConfigError
from mnist_np.data.dataset import Decoded, PixelMap, Split
from mnist_np.data.splits import RawSplits, divide, stratified

PIXELS = np.linspace(0, 1, 20 * 6, dtype=np.float32).reshape(20, 6)
LABELS = np.arange(20) % 3
DATA = RawSplits(
    "made up",
    Decoded(Split.pack(PIXELS, LABELS, 3), Split.pack(PIXELS[:4], LABELS[:4], 3), (2, 3), "hash"),
    ("a", "b", "c"),
    "here",
)


def rng():
    return np.random.default_rng(0)


def test_the_last_examples_validate():
    data = divide(DATA, 5, None, "scale", rng())
    np.testing.assert_array_equal(data.train.X, PIXELS[:15])
    np.testing.assert_array_equal(data.val.X, PIXELS[15:])
    np.testing.assert_array_equal(data.val.labels, LABELS[15:])
    np.testing.assert_array_equal(data.test.X, PIXELS[:4])
    assert (data.name, data.image_shape, data.class_names, data.sha256, data.source) == (
        "made up",
        (2, 3),
        ("a", "b", "c"),
        "hash",
        "here",
    )


def test_no_validation():
    data = divide(DATA, 0, None, "scale", rng())
    assert (len(data.train), len(data.val)) == (20, 0)


@pytest.mark.parametrize("size", [20, 21])
def test_validation_must_leave_something(size):
    with pytest.raises(ConfigError) as caught:
        divide(DATA, size, None, "scale", rng())
    assert str(caught.value) == (
        f"data.validation_size = {size}: must be smaller than the training set of made up, which has 20 examples"
    )


def test_train_size_must_be_there():
    with pytest.raises(ConfigError) as caught:
        divide(DATA, 5, 16, "scale", rng())
    assert str(caught.value) == (
        "data.train_size = 16: must be at most 15, the training examples of made up that a validation_size of 5 leaves"
    )


def test_subset_is_drawn_from_the_training_split_alone():
    data = divide(DATA, 5, 6, "scale", rng())
    assert sorted(data.train.labels) == [0, 0, 1, 1, 2, 2]
    assert data.train.X.max() < PIXELS[15:].min()
    assert len(data.val) == 5
    other = divide(DATA, 5, 6, "scale", np.random.default_rng(1))
    assert not np.array_equal(data.train.X, other.train.X)
    np.testing.assert_array_equal(data.train.X, divide(DATA, 5, 6, "scale", rng()).train.X)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=200), st.data(), st.integers(0, 9))
def test_stratified(labels, data, seed):
    labels = np.array(labels)
    size = data.draw(st.integers(1, len(labels)))
    chosen = stratified(labels, size, np.random.default_rng(seed))
    assert len(np.unique(chosen)) == len(chosen) == size
    assert np.all(np.diff(chosen) > 0)
    shares = np.bincount(labels) * size / len(labels)
    assert np.all(np.abs(np.bincount(labels[chosen], minlength=len(shares)) - shares) < 1)


def preprocessed(how):
    return divide(DATA, 5, None, how, rng())


def test_standardize_by_the_training_split():
    data = preprocessed("standardize")
    mean, std = PIXELS[:15].mean(dtype=float), PIXELS[:15].std(dtype=float)
    for split, pixels in ((data.train, PIXELS[:15]), (data.val, PIXELS[15:]), (data.test, PIXELS[:4])):
        np.testing.assert_allclose(split.X, (pixels - mean) / std, rtol=1e-5, atol=1e-6)
    assert data.train.X.mean() == pytest.approx(0, abs=1e-6)
    assert data.train.X.std() == pytest.approx(1, abs=1e-6)


def test_standardize_what_never_varies():
    flat = Decoded(Split.pack(np.full_like(PIXELS, 0.5), LABELS, 3), DATA.decoded.test, (2, 3), "")
    assert np.all(divide(RawSplits("flat", flat, (), ""), 5, None, "standardize", rng()).train.X == 0)


def test_symmetric():
    np.testing.assert_allclose(preprocessed("symmetric").val.X, 2 * PIXELS[15:] - 1, atol=1e-6)


def test_binarize():
    np.testing.assert_array_equal(preprocessed("binarize").train.X, PIXELS[:15] >= 0.5)


@pytest.mark.parametrize("how", ["standardize", "symmetric", "binarize"])
def test_preprocessing_keeps_targets_and_the_source(how):
    data = preprocessed(how)
    np.testing.assert_array_equal(data.train.labels, LABELS[:15])
    np.testing.assert_array_equal(data.train.Y.sum(axis=1), 1)
    np.testing.assert_array_equal(DATA.decoded.train.X, PIXELS)


def test_new_images_go_through_the_same_map():
    data = preprocessed("standardize")
    np.testing.assert_array_equal(data.pixels(PIXELS[15:]), data.val.X)
    np.testing.assert_allclose(data.pixels.inverse(data.val.X), PIXELS[15:], atol=1e-6)


def test_maps_keep_the_dtype():
    for pixels in (PixelMap(2.0, -1.0), PixelMap(binary=True)):
        for dtype in (np.float32, np.float64):
            assert pixels(np.ones(3, dtype)).dtype == pixels.inverse(np.ones(3, dtype)).dtype == dtype
