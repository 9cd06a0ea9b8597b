"""Metrics by hand on a few examples, and against definitions computed the slow way."""

import numpy as np
import pytest

from mnist_np import metrics
from mnist_np.component import ConfigError
from mnist_np.experiment import Training
from mnist_np.metrics import METRICS, Predictions, by_class, measure, reliability
from mnist_np.nn.losses import MeanSquaredError, softmax

# True classes 0, 0, 1, 2; taken for 0, 1, 1, 1.
HAND = Predictions(
    np.array([[0.7, 0.2, 0.1, 0.0], [0.3, 0.5, 0.1, 0.1], [0.0, 1.0, 0.0, 0.0], [0.2, 0.5, 0.1, 0.2]]), np.array([0, 0, 1, 2])
)


def test_confusion_by_hand():
    assert HAND.confusion.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_per_class_by_hand():
    np.testing.assert_allclose(metrics.precision(HAND), [1, 1 / 3, 0, 0])
    np.testing.assert_allclose(metrics.recall(HAND), [1 / 2, 1, 0, 0])
    np.testing.assert_allclose(metrics.f1(HAND), [2 / 3, 1 / 2, 0, 0])
    assert metrics.macro_f1(HAND) == pytest.approx((2 / 3 + 1 / 2) / 4)


def test_top_k_by_hand():
    assert [metrics.top_k(HAND, k) for k in (1, 2, 3, 4)] == [2 / 4, 3 / 4, 3 / 4, 1]


def test_nll_and_brier_by_hand():
    assert metrics.nll(HAND) == pytest.approx(-(np.log(0.7) + np.log(0.3) + np.log(1) + np.log(0.1)) / 4)
    rows = [0.09 + 0.04 + 0.01, 0.49 + 0.25 + 0.01 + 0.01, 0, 0.04 + 0.25 + 0.81 + 0.04]
    assert metrics.brier(HAND) == pytest.approx(sum(rows) / 4)
    assert metrics.nll(Predictions(np.array([[0.0, 1.0]]), np.array([0]))) == pytest.approx(-np.log(1e-12))


def test_calibration_by_hand():
    # Confidences 0.7, 0.5, 1, 0.5 with 15 bins: (10/15, 11/15], (7/15, 8/15] twice, (14/15, 1]. Right: yes, no, yes, no.
    assert metrics.ece(HAND) == pytest.approx((abs(1 - 0.7) + 2 * abs(0 - 0.5) + abs(1 - 1)) / 4)
    counts, confidence, accuracy = reliability(HAND)
    assert counts.tolist() == [0] * 7 + [2, 0, 0, 1, 0, 0, 0, 1]
    assert confidence[7], accuracy[7] == (0.5, 0)


def test_an_honest_forecaster_is_calibrated():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(5), 100_000)
    labels = (rng.random((len(P), 1)) > P.cumsum(axis=1)).sum(axis=1).clip(0, 4)
    assert metrics.ece(Predictions(P, labels)) < 0.006
    assert metrics.ece(Predictions(softmax(3 * np.log(P)), labels)) > 0.1, "and one that exaggerates is not"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_the_slow_way(dtype):
    rng = np.random.default_rng(1)
    P, labels = softmax(rng.standard_normal((200, 6))).astype(dtype), rng.integers(0, 6, 200)
    predictions = Predictions(P, labels)
    order = np.argsort(-P, axis=1)
    assert metrics.top3(predictions) == np.mean([label in row[:3] for label, row in zip(labels, order, strict=True)])
    assert metrics.top_k(predictions, 1) == np.mean(P.argmax(axis=1) == labels)
    assert metrics.brier(predictions) == pytest.approx(np.mean(np.sum((P - np.eye(6)[labels]) ** 2, axis=1)), rel=1e-5)
    assert metrics.nll(predictions) == pytest.approx(np.mean([-np.log(P[i, y]) for i, y in enumerate(labels)]), rel=1e-5)


def test_of_equally_probable_classes_the_first_count():
    uniform = Predictions(np.full((4, 4), 0.25), np.arange(4))
    assert [metrics.top_k(uniform, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]


def test_metrics_are_named_by_their_split():
    assert measure(HAND, ["top3", "ece"], "val").keys() == {"val/top3", "val/ece"}


def test_a_row_for_each_class():
    rows = by_class(HAND, ["T-shirt/top", "b", "c", "d"])
    assert [row["class"] for row in rows] == ["T-shirt/top", "b", "c", "d"]
    assert sum(row["examples"] for row in rows) == len(HAND.labels)
    assert [row["recall"] for row in rows] == metrics.recall(HAND).tolist()


def test_an_unknown_metric_is_named():
    with pytest.raises(ConfigError, match=r"training.metrics.*did you mean 'top3'.*brier"):
        Training(metrics=["top_3"]).check_metrics()
    assert Training(metrics=list(METRICS)).metrics == list(METRICS)


def test_classes_are_those_of_the_accuracy_where_probabilities_are_cut():
    Z, labels = np.array([[2.0, 3.0, 0.1], [0.2, 0.9, 0.4], [-3.0, -1.0, -2.0]]), np.array([1, 1, 1])
    found = Predictions(MeanSquaredError(output="identity").probabilities(Z), labels, Z)
    assert np.array_equal(found.P[0], [1, 1, 0.1]), "two classes with a probability of 1"
    assert found.classes.tolist() == Z.argmax(axis=1).tolist() == [1, 1, 1]
    assert metrics.recall(found)[1] == metrics.top_k(found, 1) == 1
    assert metrics.reliability(found).accuracy[-1] == 1
