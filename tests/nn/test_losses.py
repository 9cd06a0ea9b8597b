"""Losses by hand, at the extremes, and against each other where one is a special case of another."""

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.nn.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    Distillation,
    Focal,
    MeanSquaredError,
    sigmoid,
    softmax,
)

Z2 = np.log([[3.0, 1.0], [1.0, 4.0]])  # softmax (3/4, 1/4), (1/5, 4/5)
Y2 = np.array([[1.0, 0.0], [1.0, 0.0]])


def test_cross_entropy_by_hand():
    value, dZ = CrossEntropy()(Z2, Y2)
    assert value == pytest.approx((-np.log(3 / 4) - np.log(1 / 5)) / 2)
    np.testing.assert_allclose(dZ, [[-1 / 8, 1 / 8], [-4 / 10, 4 / 10]])


def test_label_smoothing_shares_the_target_out():
    smooth = CrossEntropy(label_smoothing=0.2)(Z2, Y2)[0]
    assert smooth == pytest.approx((-0.9 * np.log(3 / 4) - 0.1 * np.log(1 / 4) - 0.9 * np.log(1 / 5) - 0.1 * np.log(4 / 5)) / 2)
    assert (Y2 == [[1, 0], [1, 0]]).all(), "the targets are left as they were"


def test_confidence_penalty_takes_the_entropy_off():
    entropy = -(3 / 4 * np.log(3 / 4) + 1 / 4 * np.log(1 / 4) + 1 / 5 * np.log(1 / 5) + 4 / 5 * np.log(4 / 5)) / 2
    penalised = CrossEntropy(confidence_penalty=0.5)(Z2, Y2)[0]
    assert penalised == pytest.approx(CrossEntropy()(Z2, Y2)[0] - 0.5 * entropy)


def test_binary_cross_entropy_by_hand():
    Z = np.log([[3.0, 1.0]])  # sigmoid 3/4, 1/2
    value, dZ = BinaryCrossEntropy()(Z, np.array([[1.0, 0.0]]))
    assert value == pytest.approx(-np.log(3 / 4) - np.log(1 / 2))
    np.testing.assert_allclose(dZ, [[-1 / 4, 1 / 2]])


@pytest.mark.parametrize(
    ("output", "J", "dZ"),
    [
        ("sigmoid", (1 / 16 + 1 / 4) / 2, [-1 / 4 * 3 / 16, 1 / 2 * 1 / 4]),
        ("softmax", (1 / 16 + 1 / 16) / 2, [3 / 4 * (-1 / 4 + 1 / 8), 1 / 4 * (1 / 4 + 1 / 8)]),
        ("identity", (np.log(3) - 1) ** 2 / 2, [np.log(3) - 1, 0]),
    ],
)
def test_mean_squared_error_by_hand(output, J, dZ):
    value, gradient = MeanSquaredError(output)(np.log([[3.0, 1.0]]), np.array([[1.0, 0.0]]))
    assert value == pytest.approx(J)
    np.testing.assert_allclose(gradient, [dZ], atol=1e-15)


def test_focal_by_hand():
    assert Focal(gamma=2)(Z2, Y2)[0] == pytest.approx((-((1 / 4) ** 2) * np.log(3 / 4) - (4 / 5) ** 2 * np.log(1 / 5)) / 2)


def test_distillation_by_hand():
    loss = Distillation(temperature=2, weight=0.25)
    soft = np.array([[0.6, 0.4], [0.5, 0.5]])
    softened = softmax(Z2 / 2)
    expected = 0.75 * CrossEntropy()(Z2, Y2)[0] + 0.25 * 4 * -(soft * np.log(softened)).sum() / 2
    assert loss(Z2, np.hstack([Y2, soft]))[0] == pytest.approx(expected)
    np.testing.assert_allclose(loss.soften(2 * Z2), [[3 / 4, 1 / 4], [1 / 5, 4 / 5]])


def test_special_cases_agree():
    rng = np.random.default_rng(0)
    Z, Y = rng.standard_normal((20, 10)), np.eye(10)[rng.integers(0, 10, 20)]
    teacher = rng.dirichlet(np.ones(10), 20)
    for loss, targets, same, its_targets in [
        (Focal(gamma=0), Y, CrossEntropy(), Y),
        (Distillation(weight=0), np.hstack([Y, teacher]), CrossEntropy(), Y),
        (Distillation(weight=1, temperature=1), np.hstack([Y, teacher]), CrossEntropy(), teacher),
        (Distillation(), Y, CrossEntropy(), Y),
    ]:
        value, dZ = loss(Z, targets)
        expected, its_dZ = same(Z, its_targets)
        assert value == pytest.approx(expected)
        np.testing.assert_allclose(dZ, its_dZ, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [*(kind() for kind in LOSSES.values()), CrossEntropy(0.1, 1.0), Focal(0.5)], ids=str)
def test_extreme_logits_are_finite_and_warn_of_nothing(loss, dtype):
    Z = np.array([[1000, -1000, 0], [-1000, 1000, 1000], [1000, 0, 0], [0, 0, 0]], dtype)
    Y = np.array([[0, 1, 0], [0, 1, 0], [1, 0, 0], [0.2, 0.3, 0.5]], dtype)
    value, dZ = loss(Z, Y)
    assert np.isfinite(value)
    assert np.isfinite(dZ).all()
    P = loss.probabilities(Z)
    assert ((P >= 0) & (P <= 1)).all()
    assert P.dtype == dtype


@pytest.mark.parametrize("loss", [*(kind() for kind in LOSSES.values()), CrossEntropy(0.1, 1.0)], ids=str)
def test_the_mean_is_over_the_batch_and_arguments_are_left_as_they_are(loss):
    rng = np.random.default_rng(0)
    Z, Y = rng.standard_normal((4, 3)), np.eye(3)[[0, 1, 2, 2]]
    before = Z.copy(), Y.copy()
    J, expected = loss(np.tile(Z, (2, 1)), np.tile(Y, (2, 1)))
    value, dZ = loss(Z, Y)
    assert value == pytest.approx(J)
    np.testing.assert_allclose(dZ / 2, expected[:4])
    np.testing.assert_array_equal(Z, before[0])
    np.testing.assert_array_equal(Y, before[1])


def test_probabilities_are_the_losses_own():
    Z = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(CrossEntropy().probabilities(Z), np.exp(Z) / np.exp(Z).sum())
    np.testing.assert_allclose(BinaryCrossEntropy().probabilities(Z), 1 / (1 + np.exp(-Z)))
    np.testing.assert_allclose(MeanSquaredError("sigmoid").probabilities(Z), sigmoid(Z))
    np.testing.assert_allclose(MeanSquaredError("identity").probabilities(Z), [[1, 0, 0.5]])


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: CrossEntropy(label_smoothing=1.0), "loss.label_smoothing"),
        (lambda: MeanSquaredError(output="tanh"), "loss.output"),
        (lambda: Distillation(temperature=0), "loss.temperature"),
        (lambda: Focal(gamma=-1), "loss.gamma"),
    ],
)
def test_a_mistake_is_named(make, key):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.key == key
