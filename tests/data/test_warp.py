"""Geometric distortion, against plain loops and against what is known of it."""

import numpy as np
import pytest

from mnist_np.data.warp import affine_field, bilinear, elastic_field, elastic_rms, gaussian

IMAGES = np.random.default_rng(0).random((3, 6, 5), dtype=np.float32)


def grid(m, height, width):
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([np.stack([y] * m), np.stack([x] * m)])


def shifted(y, x):
    """A field that looks everything up (y, x) further down and right."""
    return grid(*IMAGES.shape) + np.float32([y, x])[:, None, None, None]


def looked_up(image, y, x):
    """The textbook formula for one pixel."""
    i, j = int(np.floor(y)), int(np.floor(x))
    value = 0.0
    for di, wy in ((0, 1 - (y - i)), (1, y - i)):
        for dj, wx in ((0, 1 - (x - j)), (1, x - j)):
            inside = 0 <= i + di < image.shape[0] and 0 <= j + dj < image.shape[1]
            value += wy * wx * (image[i + di, j + dj] if inside else 0)
    return value


def test_bilinear_by_the_formula():
    field = np.random.default_rng(1).uniform(-3, 9, (2, *IMAGES.shape)).astype(np.float32)
    expected = [[[looked_up(IMAGES[k], *field[:, k, i, j]) for j in range(5)] for i in range(6)] for k in range(3)]
    np.testing.assert_allclose(bilinear(IMAGES, field.copy()), expected, atol=1e-5)


def test_bilinear_at_the_pixels_themselves():
    np.testing.assert_array_equal(bilinear(IMAGES, shifted(0, 0)), IMAGES)
    down = bilinear(IMAGES, shifted(2, -1))
    np.testing.assert_array_equal(down[:, :4, 1:], IMAGES[:, 2:, :4])
    assert not down[:, 4:].any()
    assert not down[:, :, 0].any()


def test_bilinear_half_way():
    half = bilinear(IMAGES, shifted(0.5, 0))
    np.testing.assert_allclose(half[:, :5], (IMAGES[:, :5] + IMAGES[:, 1:]) / 2, atol=1e-6)
    np.testing.assert_allclose(half[:, 5], IMAGES[:, 5] / 2, atol=1e-6)  # between the last row and the background


@pytest.mark.parametrize("far", [-1e6, 1e6, 6, -6])
def test_outside_is_background(far):
    assert not bilinear(IMAGES, shifted(far, 0)).any()
    assert not bilinear(IMAGES, shifted(0, far)).any()


def test_images_do_not_mix():
    images = IMAGES.copy()
    images[1] = 0
    field = np.random.default_rng(1).uniform(-3, 9, (2, *IMAGES.shape)).astype(np.float32)
    warped = bilinear(images, field)
    assert not warped[1].any()
    assert warped[0].any()
    assert warped[2].any()


def test_affine_identity_is_the_grid():
    field = affine_field(np.float32([np.eye(2)] * 3), np.zeros((3, 2), np.float32), 6, 5)
    np.testing.assert_array_equal(field, grid(3, 6, 5))


def test_affine_turns_about_the_centre():
    square = np.random.default_rng(0).random((1, 7, 7), dtype=np.float32)
    quarter = np.float32([[[0, 1], [-1, 0]]])
    turned = bilinear(square, affine_field(quarter, np.zeros((1, 2), np.float32), 7, 7))
    np.testing.assert_allclose(turned[0], np.rot90(square[0]), atol=1e-5)


def test_affine_by_hand():
    A, t = np.float32([[[1, 2], [3, 4]]]), np.float32([[10, 20]])
    field = affine_field(A, t, 3, 5)
    # the pixel (0, 1) lies at (-1, -1) from the centre (1, 2)
    assert tuple(field[:, 0, 0, 1]) == (1 - 1 - 2 + 10, 2 - 3 - 4 + 20)


def test_gaussian_sums_to_one_away_from_the_borders():
    G = gaussian(61, 4.0)
    np.testing.assert_allclose(G[30].sum(), 1, atol=1e-6)
    assert G[0].sum() == pytest.approx(0.5, abs=0.06)  # half of it lies outside
    assert G[30, 34] / G[30, 30] == pytest.approx(np.exp(-0.5), rel=1e-5)
    np.testing.assert_array_equal(G, G.T)


def test_elastic_field_is_the_blurred_noise():
    """Against the sum over all pixels, kernel by kernel: two-dimensional, not separated."""
    sigma, alpha = 1.5, 7.0
    field = elastic_field(2, 6, 5, sigma, alpha, np.random.default_rng(3))
    U = 2 * np.random.default_rng(3).random((2, 2, 6, 5), dtype=np.float32).astype(float) - 1
    reach = np.arange(-20, 21)
    total = np.exp(-(reach[:, None] ** 2 + reach**2) / (2 * sigma**2)).sum()
    y, x = np.mgrid[:6, :5]
    for i, j in ((0, 0), (2, 3), (5, 4)):
        kernel = np.exp(-((y - i) ** 2 + (x - j) ** 2) / (2 * sigma**2)) / total
        np.testing.assert_allclose(field[:, :, i, j], alpha * (U * kernel).sum(axis=(2, 3)), atol=1e-5)


@pytest.mark.parametrize(("sigma", "alpha", "rms"), [(4.0, 34.0, 1.384), (5.5, 37.0, 1.096), (4.0, 8.0, 0.326)])
def test_elastic_field_moves_pixels_as_far_as_stated(sigma, alpha, rms):
    assert elastic_rms(sigma, alpha) == pytest.approx(rms, abs=1e-3)
    wide = elastic_field(2500, 61, 61, sigma, alpha, np.random.default_rng(0))
    interior = wide[:, :, 24:37, 24:37]
    assert np.sqrt(np.mean(interior**2)) == pytest.approx(rms, rel=0.03)
    assert np.mean(wide[:, :, 0, 0] ** 2) < np.mean(interior**2) / 2  # less in the corners
    assert np.mean(wide) == pytest.approx(0, abs=0.03 * rms)


def test_elastic_field_moves_mnist_images_by_1_38_px_in_the_middle():
    field = elastic_field(2000, 28, 28, 4.0, 34.0, np.random.default_rng(0))
    assert np.sqrt(np.mean(field[:, :, 13:15, 13:15] ** 2)) == pytest.approx(1.38, rel=0.03)
    y, x = field[:, :, 13:15, 13:15].reshape(2, -1)
    assert abs(np.corrcoef(y, x)[0, 1]) < 0.03  # the axes are independent
