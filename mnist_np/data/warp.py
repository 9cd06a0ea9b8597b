"""Geometric distortion of images: one field that says where each pixel comes from, and one bilinear look-up through it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mnist_np.nn.arrays import Array


def affine_field(matrices: Array, shifts: Array, height: int, width: int) -> Array:
    """Source coordinates (2, m, height, width), y before x: c + A (p - c) + t for pixels p around the centre c.

    ``matrices`` A are (m, 2, 2) and ``shifts`` t (m, 2), both in the order y, x.
    """
    y = np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    # each pixel's coordinate is a product (row's part, A_1) (1, x): a fourth of the time of sums of broadcast rows and columns
    left = np.empty((2, len(matrices), height, 2), np.float32)
    for i, size in enumerate((height, width)):
        constant = shifts[:, i] + np.float32((size - 1) / 2)
        left[i, :, :, 0] = matrices[:, i, 0, None] * y + constant[:, None]
        left[i, :, :, 1] = matrices[:, i, 1, None]
    field: Array = np.matmul(left, np.stack([np.ones_like(x), x]))
    return field


def elastic_field(m: int, height: int, width: int, sigma: float, alpha: float, rng: np.random.Generator) -> Array:
    """Displacements (2, m, height, width) in pixels: alpha * (G_sigma * U(-1, 1)), for y and for x.

    Simard, Steinkraus & Platt 2003. The Gaussian G_sigma sums to 1 and the field is not normalised afterwards, so that away
    from the borders a pixel moves by alpha / (sigma sqrt(12 pi)) RMS along each axis (`elastic_rms`). Beyond the borders
    nothing is drawn, so there pixels move less.

    The blur is two small products, G_h U G_w. They are made image by image: that is below the size at which BLAS uses its
    threads, and so neither waits for those of the training nor depends on their number.
    """
    # The numbers of `rng.random(dtype=float32)`, made of their bits in a third less time: 2^23 U, whole numbers.
    draws = rng.integers(0, 1 << 64, m * height * width, dtype=np.uint64).view(np.uint32)
    draws ^= np.uint32(1 << 31)
    whole = draws.view(np.int32)
    whole >>= 8
    U = whole.astype(np.float32).reshape(2, m, height, width)
    G_h, G_w = gaussian(height, sigma), gaussian(width, sigma) * np.float32(alpha * 2.0**-23)
    return np.matmul(np.matmul(G_h, U), G_w, out=U)


def elastic_rms(sigma: float, alpha: float) -> float:
    """How far `elastic_field` moves a pixel away from the borders, RMS along each axis: 1.38 px for sigma 4, alpha 34.

    U(-1, 1) has the variance 1/3, and the squares of a Gaussian that sums to 1 sum to 1 / (4 pi sigma^2).
    """
    return float(alpha / (sigma * np.sqrt(12 * np.pi)))


@lru_cache(maxsize=8)
def gaussian(size: int, sigma: float) -> Array:
    """The matrix (size, size) that blurs a vector with a Gaussian which sums to 1 over the whole line."""
    reach = int(np.ceil(8 * sigma))
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    distance = np.subtract.outer(np.arange(size), np.arange(size))
    G: Array = (np.exp(-0.5 * (distance / sigma) ** 2) / line.sum()).astype(np.float32)
    G.flags.writeable = False
    return G


def bilinear(images: Array, field: Array) -> Array:
    """The ``images`` (m, height, width) looked up at the source coordinates ``field`` (2, m, height, width), 0 outside.

    Between four pixels the value is linear along each axis. ``field`` is overwritten.
    """
    m, height, width = images.shape
    # a border of zeros, one pixel before and two after, takes every coordinate that lies outside
    padded = np.zeros((m, height + 3, width + 3), np.float32)
    padded[:, 1:-2, 1:-2] = images
    y = np.clip(field[0], -1, height, out=field[0])
    x = np.clip(field[1], -1, width, out=field[1])
    # as floats while it can be: mixed with integers NumPy would compute in float64
    place, column = np.floor(y), np.floor(x)
    y -= place
    x -= column
    place *= width + 3
    place += column
    index = place.astype(np.int32).astype(np.intp)  # at once it takes twice as long
    index += (np.arange(m) * padded[0].size + width + 4)[:, None, None]
    pixels = padded.ravel()
    top = pixels.take(index, mode="clip")
    index += 1
    top_right = pixels.take(index, mode="clip")
    index += width + 3
    bottom_right = pixels.take(index, mode="clip")
    index -= 1
    bottom = pixels.take(index, mode="clip")
    return _between(_between(top, top_right, x), _between(bottom, bottom_right, x), y)


def shifted(images: Array, shifts: Array) -> Array:
    """The ``images`` (m, height, width) looked up at p + t for pixels p and shifts t (m, 2), y before x; 0 outside.

    The same as `bilinear` to rounding, in less than half the time: linear interpolation along an axis is a product with the
    matrix max(0, 1 - abs(p' - p - t)), so that each image becomes H_y I H_x.
    """
    rows, columns = (np.arange(size, dtype=np.float32)[:, None] - np.arange(size, dtype=np.float32) for size in images.shape[1:])
    H_y, H_x = hat(rows.T - shifts[:, 0, None, None]), hat(columns - shifts[:, 1, None, None])
    out: Array = np.matmul(np.matmul(H_y, images), H_x)
    return out


def hat(x: Array) -> Array:
    """max(0, 1 - abs(x)), written into x."""
    np.abs(x, out=x)
    np.subtract(1, x, out=x)
    return np.maximum(x, 0, out=x)


def _between(a: Array, b: Array, share: Array) -> Array:
    """a + share (b - a), written into a."""
    b -= a
    b *= share
    a += b
    return a
