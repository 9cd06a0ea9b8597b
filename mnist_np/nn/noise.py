"""Layers that disturb the signal in training, so that the network cannot rely on any single unit: dropout and Gaussian noise."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mnist_np.nn.arrays import Array, Scratch
from mnist_np.nn.layers import Layer


class Dropout(Layer):
    """Y = X * mask / keep, each entry of the mask 1 with probability keep = 1 - rate and else 0, so that E[Y] = X (inverted
    dropout; Srivastava et al. 2014, section 10). In inference the layer is left out."""

    in_place: ClassVar[bool] = True
    stochastic: ClassVar[bool] = True

    def __init__(self, n: int, rate: float) -> None:
        super().__init__(n, n)
        self.threshold = round((1 - rate) * 65536)
        self.scale = 65536 / self.threshold if self.threshold else 0.0

    def scratch(self, m: int, dtype: Any) -> Scratch:
        return {"kept": np.empty(m * self.n_out, bool), "mask": np.empty((m, self.n_out), dtype)}

    def forward(self, X: Array, Y: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        assert rng is not None
        kept, mask = scratch["kept"], scratch["mask"]
        # Sixteen random bits an entry, compared as an integer: four times faster than a float each. The rate is exact to
        # 2^-17, and the scale is that of the rate as it is.
        bits = rng.bit_generator.random_raw(-(-kept.size // 4)).view(np.uint16)
        np.less(bits[: kept.size], self.threshold, out=kept)
        np.copyto(mask, kept.reshape(mask.shape))
        mask *= self.scale
        np.multiply(X, mask, out=Y)

    def backward(self, X: Array, Y: Array, dY: Array, dX: Array | None, scratch: Scratch) -> None:
        """dX = dY * mask / keep."""
        dY *= scratch["mask"]


class GaussianNoise(Layer):
    """Y = X + N(0, sd^2), so that E[Y] = X and dX = dY (Bishop 1995 for the input). In inference the layer is left out."""

    in_place: ClassVar[bool] = True
    stochastic: ClassVar[bool] = True

    def __init__(self, n: int, sd: float) -> None:
        super().__init__(n, n)
        self.sd = sd

    def scratch(self, m: int, dtype: Any) -> Scratch:
        return {"noise": np.empty((m, self.n_out), dtype)}

    def forward(self, X: Array, Y: Array, scratch: Scratch, rng: np.random.Generator | None) -> None:
        assert rng is not None
        noise = scratch["noise"]
        rng.standard_normal(out=noise, dtype=noise.dtype.type)
        noise *= self.sd
        np.add(X, noise, out=Y)

    def backward(self, X: Array, Y: Array, dY: Array, dX: Array | None, scratch: Scratch) -> None:
        """dX = dY."""
