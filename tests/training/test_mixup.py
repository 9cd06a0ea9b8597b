"""Mixup: each row becomes a mixture of two, inputs and targets alike."""

import numpy as np
import pytest

from mnist_np.data.dataset import Split
from mnist_np.training.mixup import Mixup


@pytest.fixture
def split():
    """Example i has the inputs (i, i^2) and class i."""
    i = np.arange(8)
    return Split.pack(np.stack([i, i**2], axis=1).astype(np.float32), i, 8)


def test_inputs_and_targets_are_mixed_with_the_same_partner_and_share(split):
    before = split.rows.copy()
    Mixup(0.4, split, 8)(split, np.random.default_rng(3))
    np.testing.assert_allclose(split.Y.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(split.Y @ before[:, :2], split.X, rtol=1e-5)  # the targets say what the inputs are made of
    shares = np.unique(split.Y[(split.Y > 0) & (split.Y < 1)].round(5))
    assert len(shares) == 2
    assert shares.sum() == pytest.approx(1)


def test_the_share_is_beta_distributed(split):
    rng, shares = np.random.default_rng(0), []
    mixup = Mixup(0.5, split, 8)
    for _ in range(2000):
        batch = Split(split.rows.copy(), 2, 8)
        mixup(batch, rng)
        shares.append(batch.Y.max(axis=1).min())
    # max(s, 1 - s) of s ~ Beta(1/2, 1/2): the arcsine law, whose mean is 1/2 + 1/pi. Partners of themselves are few.
    assert np.mean(shares) == pytest.approx(0.5 + 1 / np.pi, abs=0.02)


def test_a_short_batch_is_mixed_within_itself(split):
    batch = split[:3]
    Mixup(1.0, split, 8)(batch, np.random.default_rng(0))
    assert not split.Y[:3, 3:].any()
    np.testing.assert_array_equal(split.labels[3:], np.arange(3, 8))
