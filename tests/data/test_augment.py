"""What augmentation draws, by its expectation, and what it must leave alone."""

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.data.augment import Distort, NoAugment, augmented_examples
from mnist_np.data.sources import MNIST
from mnist_np.data.warp import affine_field, bilinear, shifted

BLOB = np.exp(-((np.arange(28) - 13.5) ** 2 + (np.arange(28)[:, None] - 13.5) ** 2) / (2 * 3**2)).astype(np.float32)
MANY = np.repeat(BLOB[None], 2000, axis=0)
TALL = np.repeat(np.pad(BLOB[:, 10:18] ** 0.2, ((0, 0), (10, 10)))[None], 20, axis=0)
STRENGTHS = ("shift", "rotation", "shear", "scale", "elastic_alpha", "noise")


def rng(seed=0):
    return np.random.default_rng(seed)


def centres(images):
    """Centres of mass (2, m), from the image's centre, y before x."""
    place = np.arange(28) - 13.5
    mass = images.sum(axis=(1, 2))
    return np.stack([(images * place[:, None]).sum(axis=(1, 2)) / mass, (images * place).sum(axis=(1, 2)) / mass])


def test_nothing_changes_at_strength_zero():
    assert not NoAugment().active
    assert not Distort().active
    np.testing.assert_array_equal(Distort()(MANY[:3], rng()), MANY[:3])


@pytest.mark.parametrize("key", STRENGTHS)
def test_a_little_strength_changes_little(key):
    weak, none = Distort(**{key: 1e-5}), Distort()
    assert weak.active
    changed = weak(MANY[:50], rng())
    np.testing.assert_allclose(changed, none(MANY[:50], rng()), atol=1e-4)


@pytest.mark.parametrize("key", [*STRENGTHS, "cutout"])
def test_each_strength_does_something_and_is_a_function_of_the_generator(key):
    augment = Distort(**{key: {"cutout": 4, "scale": 0.2, "noise": 0.2}.get(key, 5)})
    before = TALL.copy()
    first = augment(TALL, rng())
    assert np.abs(first - TALL).max() > 0.05
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, augment(TALL, rng()))
    assert np.abs(first - augment(TALL, rng(1))).max() > 0.05
    assert np.abs(np.diff(first, axis=0)).max() > 0.01  # every image its own
    np.testing.assert_array_equal(TALL, before)


def test_shift():
    moved = centres(Distort(shift=3)(MANY, rng()))
    assert np.abs(moved).max() < 3.1
    np.testing.assert_allclose(moved.mean(axis=1), 0, atol=0.15)
    np.testing.assert_allclose(moved.std(axis=1), 3 / np.sqrt(3), rtol=0.05)  # uniform
    assert abs(np.corrcoef(moved)[0, 1]) < 0.08


def test_shifts_alone_are_those_of_the_general_look_up():
    for strength in (0.7, 4, 30):
        shifts = rng().uniform(-strength, strength, (len(TALL), 2)).astype(np.float32)
        field = affine_field(np.broadcast_to(np.eye(2, dtype=np.float32), (len(TALL), 2, 2)), shifts, *TALL.shape[1:])
        np.testing.assert_allclose(shifted(TALL, shifts), bilinear(TALL, field), atol=1e-5)


def test_all_geometry_together_moves_nothing_on_average():
    everything = Distort(shift=2, rotation=15, shear=15, scale=0.15, elastic_alpha=34)
    np.testing.assert_allclose(centres(everything(MANY, rng())).mean(axis=1), 0, atol=0.15)


def test_rotation():
    A, t = Distort(rotation=30).affine(5000, rng())
    np.testing.assert_allclose(A @ A.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (5000, 2, 2)), atol=1e-6)
    angles = np.degrees(np.arctan2(A[:, 1, 0], A[:, 0, 0]))
    assert 29 < np.abs(angles).max() <= 30
    assert angles.mean() == pytest.approx(0, abs=1)
    assert not t.any()


def test_shear():
    A, _ = Distort(shear=20).affine(5000, rng())
    slants = np.degrees(np.arctan(A[:, 1, 0]))
    assert 19 < np.abs(slants).max() <= 20.001
    np.testing.assert_allclose(A[:, [0, 0, 1], [0, 1, 1]], np.broadcast_to([1, 0, 1], (5000, 3)), atol=1e-6)


def test_scale_enlarges_by_the_factor():
    A, _ = Distort(scale=0.2).affine(5000, rng())
    factors = 1 / A[:, [0, 1], [0, 1]]
    assert 0.8 <= factors.min() < 0.81
    assert 1.19 < factors.max() <= 1.2 + 1e-6
    np.testing.assert_allclose(factors.mean(axis=0), 1, atol=0.01)
    widths = np.sqrt(centred_squares(Distort(scale=0.2)(MANY, rng())))
    np.testing.assert_allclose(np.sort(widths), np.sort(3 * 1 / Distort(scale=0.2).affine(2000, rng())[0][:, 1, 1]), rtol=0.05)


def centred_squares(images):
    place = np.arange(28) - 13.5
    return (images * place**2).sum(axis=(1, 2)) / images.sum(axis=(1, 2))


def test_noise():
    grey = np.full((50, 28, 28), 0.5, np.float32)
    added = Distort(noise=0.1)(grey, rng()) - grey
    assert added.mean() == pytest.approx(0, abs=2e-3)
    assert added.std() == pytest.approx(0.1, rel=0.02)
    strong = Distort(noise=1.0)(grey, rng())
    assert (strong.min(), strong.max()) == (0, 1)


def test_cutout():
    white = np.ones((4000, 28, 28), np.float32)
    cut = Distort(cutout=6)(white, rng()) == 0
    areas = cut.sum(axis=(1, 2))
    assert (areas.min(), areas.max()) == (9, 36)  # a square around a corner, and one that lies inside
    assert (areas == 36).mean() == pytest.approx((23 / 28) ** 2, abs=0.03)
    often = cut.mean(axis=0)
    np.testing.assert_allclose(often[6:22, 6:22], 36 / 28**2, atol=0.016)
    rows = cut.any(axis=2).sum(axis=1)
    np.testing.assert_array_equal(rows * cut.any(axis=1).sum(axis=1), areas)  # one rectangle each


def test_states_how_far_elastic_moves():
    assert Distort(elastic_alpha=34, elastic_sigma=4).elastic_rms == pytest.approx(1.384, abs=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [{"shift": -1}, {"rotation": 181}, {"shear": 90}, {"scale": 1}, {"elastic_sigma": 0}, {"noise": -0.1}, {"cutout": 1.5}],
)
def test_refuses(wrong):
    with pytest.raises(ConfigError, match=f"augment.{next(iter(wrong))} = "):
        Distort(**wrong)


@pytest.mark.parametrize("preprocess", ["scale", "standardize"])
def test_examples_for_a_figure(preprocess):
    data = MNIST(train_size=100, preprocess=preprocess).load(rng())
    originals, distorted = augmented_examples(Distort(shift=1), data, 5, 3, rng())
    assert (originals.shape, distorted.shape) == ((5, 28, 28), (5, 3, 28, 28))
    plain = MNIST(train_size=100).load(rng()).train.X[:5]
    np.testing.assert_allclose(originals.reshape(5, 784), plain, atol=1e-6)
    near = np.abs(distorted - originals[:, None]).mean(axis=(1, 2, 3))
    far = np.abs(distorted - np.roll(originals, 1, axis=0)[:, None]).mean(axis=(1, 2, 3))
    assert np.all(near < far)
