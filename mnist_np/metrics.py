"""Metrics of class probabilities: accuracies, and calibration.

All metrics take ``Predictions`` predictions: probabilities P (n, n_classes), as the loss understands them, and true classes (n,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_np.component import ConfigError
from mnist_np.nn.arrays import Array

BINS = 15
"""Bins of equal width for calibration (Guo et al. 2017)."""


@dataclass(frozen=True)
class Predictions:
    """Predicted probabilities P (n, n_classes) and true labels (n,).

    ``logits`` (n, n_classes) order the classes, as for the accuracy; None: P does. Where probabilities are equal (0, or 1 for
    outputs that are cut to [0, 1]), logits still differ.
    """

    P: Array
    labels: NDArray[np.intp]
    logits: Array | None = None

    @property
    def scores(self) -> Array:
        """By which the classes are ordered (n, n_classes)."""
        return self.P if self.logits is None else self.logits

    @cached_property
    def classes(self) -> NDArray[np.intp]:
        """The class (n,) that each example is classified as."""
        found: NDArray[np.intp] = np.argmax(self.scores, axis=1)
        return found

    @cached_property
    def confusion(self) -> NDArray[np.intp]:
        """The confusion matrix C (n_classes, n_classes) of the most probable classes."""
        return confusion_counts(self.labels, self.classes, self.P.shape[1])

    @cached_property
    def of_truth(self) -> Array:
        """The probability (n,) given to each example's true class."""
        return self.P[np.arange(len(self.P)), self.labels].astype(float)


def confusion_counts(labels: NDArray[np.intp], said: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """The confusion matrix C (n, n) of n classes: C_ij examples of class i are classified as j."""
    return np.bincount(labels * n + said, minlength=n * n).reshape(n, n)


def top_k(predictions: Predictions, k: int) -> float:
    """Fraction of examples whose true class is among the k most probable; of equally probable ones the first are taken."""
    scores = predictions.scores
    classes, of_truth = np.arange(scores.shape[1]), scores[np.arange(len(scores)), predictions.labels]
    more, as_much = np.greater(scores, of_truth[:, None]), np.equal(scores, of_truth[:, None])
    ahead = np.count_nonzero(more | (as_much & (classes < predictions.labels[:, None])), axis=1)
    return float(np.mean(ahead < k))


def top3(predictions: Predictions) -> float:
    """top3: fraction of examples whose true class is among the three most probable."""
    return top_k(predictions, 3)


def precision(predictions: Predictions) -> Array:
    """Precision of each class (n_classes,): C_jj / sum_i C_ij; 0 if no example is classified as j."""
    return _ratio(np.diag(predictions.confusion), predictions.confusion.sum(axis=0))


def recall(predictions: Predictions) -> Array:
    """Recall of each class (n_classes,): C_ii / sum_j C_ij; 0 if there is no example of i."""
    return _ratio(np.diag(predictions.confusion), predictions.confusion.sum(axis=1))


def f1(predictions: Predictions) -> Array:
    """For each class (n_classes,) the harmonic mean of precision and recall, 2 C_ii / (sum_j C_ij + sum_j C_ji); 0 if the class
    does not occur."""
    C = predictions.confusion
    return _ratio(2 * np.diag(C), C.sum(axis=0) + C.sum(axis=1))


def macro_f1(predictions: Predictions) -> float:
    """macro_f1: the mean over the classes i of 2 C_ii / (sum_j C_ij + sum_j C_ji), 0 of one that does not occur; C the confusion
    matrix (Rijsbergen 1979)."""
    return float(np.mean(f1(predictions)))


def nll(predictions: Predictions) -> float:
    """nll: negative log-likelihood -1/n sum_i log p_i of the true classes' probabilities p_i (those of 0 count as 1e-12)."""
    return float(-np.mean(np.log(np.maximum(predictions.of_truth, 1e-12))))


def brier(predictions: Predictions) -> float:
    """brier: 1/n sum_i sum_j (p_ij - y_ij)^2 (Brier 1950)."""
    squares = np.einsum("ij,ij->i", predictions.P, predictions.P, dtype=float)
    return float(np.mean(squares - 2 * predictions.of_truth + 1))


class Reliability(NamedTuple):
    """For each bin of confidence (BINS,): how many examples, their mean confidence and their accuracy; 0 where empty."""

    counts: NDArray[np.intp]
    confidence: Array
    accuracy: Array


def reliability(predictions: Predictions) -> Reliability:
    """The examples by the probability of their predicted class, in bins (0, 1/15], ... (14/15, 1]."""
    confidence = predictions.P.max(axis=1).astype(float)
    right = predictions.classes == predictions.labels
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    means = (_ratio(np.bincount(bins, weights, BINS), counts) for weights in (confidence, right))
    return Reliability(counts, *means)


def ece(predictions: Predictions) -> float:
    """ece: calibration error sum_b n_b / n |accuracy_b - confidence_b| over 15 bins of confidence (Guo et al. 2017, eq. 3)."""
    counts, confidence, accuracy = reliability(predictions)
    return float(np.sum(counts * np.abs(accuracy - confidence)) / counts.sum())


METRICS: dict[str, Callable[[Predictions], float]] = {
    "top3": top3,
    "macro_f1": macro_f1,
    "nll": nll,
    "brier": brier,
    "ece": ece,
}
"""What ``training.metrics`` may name. Top-1 is the accuracy, which is always there."""

BUILT_IN = tuple(METRICS)
"""The metrics that are logged of every test split; those of plugins, only where ``training.metrics`` names them."""


def of_test(names: Sequence[str]) -> list[str]:
    """The metrics that are logged of the test split where ``training.metrics`` has ``names``."""
    return list(dict.fromkeys([*BUILT_IN, *names]))


def measure(predictions: Predictions, names: Sequence[str], prefix: str) -> dict[str, float]:
    """The named metrics: ``{"val/top3": ...}``. Raises ConfigError where one of a plugin fails or gives no number."""
    return {f"{prefix}/{name}": value_of(name, predictions) for name in names}


def value_of(name: str, predictions: Predictions) -> float:
    """One metric, which for a plugin's may raise ConfigError."""
    try:
        return float(METRICS[name](predictions))
    except Exception as error:
        if name in BUILT_IN:
            raise
        raise ConfigError("training.metrics", name, f"this metric failed: {type(error).__name__}: {error}") from error


def by_class(predictions: Predictions, class_names: Sequence[str]) -> list[dict[str, str | int | float]]:
    """Each class with its name, its number of examples, and its precision, recall and F1."""
    columns = predictions.confusion.sum(axis=1).tolist(), precision(predictions), recall(predictions), f1(predictions)
    return [
        {"class": name, "examples": n, "precision": float(p), "recall": float(r), "f1": float(both)}
        for name, n, p, r, both in zip(class_names, *columns, strict=True)
    ]


def _ratio(part: NDArray[np.generic], whole: NDArray[np.generic]) -> Array:
    ratio: Array = np.divide(part, whole, out=np.zeros(len(whole)), where=whole != 0)
    return ratio
