"""Augmentation (group ``augment``): training images distorted anew in every epoch, so that none is seen twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnist_np.component import Component, bounded
from mnist_np.data.dataset import Dataset
from mnist_np.data.warp import affine_field, bilinear, elastic_field, elastic_rms, shifted
from mnist_np.nn.arrays import Array


@dataclass
class Augment(Component):
    """How the training images are distorted. Validation and test images never are."""

    group: ClassVar[str] = "augment"

    @property
    def active(self) -> bool:
        """Whether anything changes at all."""
        return False

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """Distorted copies (m, height, width) of ``images``, pixels in [0, 1], background 0."""
        return images.copy()


@dataclass
class NoAugment(Augment):
    """The training images as they are."""


@dataclass
class Distort(Augment):
    """Each pixel q shows the image at c + R H S^-1 (q - c) + t + e(q): rotation R, shear H, scale S about the centre c, shift t,
    elastic displacement e = alpha (G_sigma * U(-1, 1)); then noise, and a square cut out (Simard, Steinkraus & Platt 2003;
    cut-out: DeVries & Taylor 2017).

    Every image draws its own, each as strong as its key says and 0 for not at all: the shift uniform within +-``shift`` pixels
    on each axis, rotation and shear uniform within +- that many degrees, the scale a factor uniform within 1 +- ``scale`` on each
    axis. ``elastic_alpha`` and ``elastic_sigma`` are Simard's, in pixels: a pixel moves by alpha / (sigma sqrt(12 pi)) RMS. All
    that makes one displacement and one bilinear look-up. Gaussian ``noise`` of that deviation keeps pixels within [0, 1], and the
    black square of side ``cutout`` lies around any pixel.
    """

    shift: float = bounded(0.0, ge=0, le=1000)
    rotation: float = bounded(0.0, ge=0, le=180)
    shear: float = bounded(0.0, ge=0, lt=90)
    scale: float = bounded(0.0, ge=0, lt=1)
    elastic_alpha: float = bounded(0.0, ge=0, le=1e6)
    elastic_sigma: float = bounded(4.0, ge=0.1, le=100)
    noise: float = bounded(0.0, ge=0, le=1000)
    cutout: int = bounded(0, ge=0)

    @property
    def is_affine(self) -> bool:
        return bool(self.shift or self.rotation or self.shear or self.scale)

    @property
    def active(self) -> bool:
        return bool(self.is_affine or self.elastic_alpha or self.noise or self.cutout)

    @property
    def elastic_rms(self) -> float:
        """How far the elastic deformation moves a pixel, RMS along each axis."""
        return elastic_rms(self.elastic_sigma, self.elastic_alpha)

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        m, height, width = images.shape
        if self.shift and not (self.rotation or self.shear or self.scale or self.elastic_alpha):
            images = shifted(images, self.affine(m, rng)[1])
        elif self.is_affine or self.elastic_alpha:
            field = affine_field(*self.affine(m, rng), height, width)
            if self.elastic_alpha:
                field += elastic_field(m, height, width, self.elastic_sigma, self.elastic_alpha, rng)
            images = bilinear(images, field)
        else:
            images = images.copy()
        if self.noise:
            images += rng.standard_normal(images.shape, dtype=np.float32) * np.float32(self.noise)
            np.clip(images, 0, 1, out=images)
        if self.cutout:
            self.cut_out(images, rng)
        return images

    def affine(self, m: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Matrices (m, 2, 2) and shifts (m, 2), y before x, that lead from a pixel of the result to where it comes from."""
        angle = np.radians(self.rotation) * rng.uniform(-1, 1, m)
        slant = np.tan(np.radians(self.shear) * rng.uniform(-1, 1, m))
        factors = 1 + self.scale * rng.uniform(-1, 1, (m, 1, 2))
        shifts = self.shift * rng.uniform(-1, 1, (m, 2))
        c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros(m), np.ones(m)
        rotate = np.array([[c, -s], [s, c]]).transpose(2, 0, 1)
        shear = np.array([[one, zero], [slant, one]]).transpose(2, 0, 1)
        return (rotate @ shear / factors).astype(np.float32), shifts.astype(np.float32)

    def cut_out(self, images: Array, rng: np.random.Generator) -> None:
        """Blacken a square in each of the ``images`` (m, height, width), in place. Its centre is any pixel."""
        m, height, width = images.shape
        inside = []
        for size in (height, width):
            first = rng.integers(0, size, (m, 1)) - self.cutout // 2
            place = np.arange(size)
            inside.append((first <= place) & (place < first + self.cutout))
        images[inside[0][:, :, None] & inside[1][:, None, :]] = 0


def augmented_examples(augment: Augment, data: Dataset, n: int, copies: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """What a figure shows: the first n training images (n, height, width), pixels in [0, 1], and ``copies`` distortions of
    each (n, copies, height, width)."""
    originals = data.pixels.inverse(data.train[:n].X).reshape(-1, *data.image_shape)
    distorted = augment(np.repeat(originals, copies, axis=0), rng)
    return originals, distorted.reshape(len(originals), copies, *data.image_shape)


AUGMENTS: dict[str, type[Augment]] = {"none": NoAugment, "distort": Distort}
