"""The small change of the inputs that changes a network's output most, as virtual adversarial training uses it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnist_np.nn.arrays import Array
from mnist_np.nn.losses import CrossEntropy, log_softmax, softmax


def perturbation(slope: Callable[[Array], Array], X: Array, D: Array, epsilon: float, xi: float, steps: int) -> Array:
    """r_i of length epsilon for which KL(p(y|x_i) || p(y|x_i + r_i)) is about largest (Miyato et al. 2015, section 3.1).

    At r = 0 the divergence and its gradient are 0, so near it the divergence is r^T H r / 2, largest along the dominant
    eigenvector of H. The power method finds that: d <- H d / |H d|, with H d = (the gradient at r = xi d) / xi, a difference
    quotient whose factor is lost when d is scaled to length 1.

    Args:
        slope: the divergence's derivative by the inputs (m, n), at inputs (m, n).
        X: inputs (m, n).
        D: the first directions (m, n), random, of any length.
        epsilon: |r_i|.
        xi: how far from x the gradient is taken.
        steps: how many times H is applied.
    """
    D = unit(D)
    for _ in range(steps):
        D = unit(slope(X + xi * D))
    return epsilon * D


def unit(D: Array) -> Array:
    """d_i / |d_i| for each row; what is 0 stays 0."""
    D = D / np.maximum(np.abs(D).max(axis=1, keepdims=True), np.finfo(D.dtype).tiny)  # else squares of small numbers are 0
    lengths = np.linalg.norm(D, axis=1, keepdims=True)
    found: Array = D / np.maximum(lengths, np.finfo(D.dtype).tiny)
    return found


def kl_divergence(Z_p: Array, Z: Array) -> tuple[float, Array]:
    """KL(p || a) with p = softmax(z_p) held constant and a = softmax(z), and its derivative dZ by Z (m, n_classes).

    J = 1/m sum_i sum_j p_ij (log p_ij - log a_ij) is the cross-entropy of p and a less the entropy of p; so dZ is the former's.
    """
    P = softmax(Z_p)
    J = np.sum(P * (log_softmax(Z_p) - log_softmax(Z))) / len(Z)
    _, dZ = CrossEntropy()(Z, P)
    return float(J), dZ
