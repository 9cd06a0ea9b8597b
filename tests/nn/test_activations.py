"""Activations: their values by the standard library, their slopes by central differences, and their behaviour at the extremes."""

import math

import numpy as np
import pytest

from mnist_np.component import ConfigError
from mnist_np.nn.activations import ACTIVATIONS, ELU, GELU, HardSigmoid, LeakyReLU, Maxout, ReLU, ScaledTanh
from mnist_np.nn.initializers import INITIALIZERS

FORMULAS = {
    "relu": lambda z: max(0, z),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "selu": lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * math.expm1(z)),
    "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "softsign": lambda z: z / (1 + abs(z)),
    "tanh": math.tanh,
    "scaled_tanh": lambda z: 1.7159 * math.tanh(2 * z / 3),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "hard_sigmoid": lambda z: min(1, max(0, 0.2 * z + 0.5)),
    "identity": lambda z: z,
}
VARIANTS = [
    *(ACTIVATIONS[name]() for name in FORMULAS),
    LeakyReLU(alpha=0.2),
    ELU(alpha=0.3),
    GELU(form="tanh"),
    ScaledTanh(amplitude=3, slope=0.5),
    HardSigmoid(slope=0.5),
]


def applied(g, z, dtype=np.float64):
    """A and g' at each z."""
    Z = np.array(z, dtype)
    before = Z.copy()
    A, slope = g.g(Z), g.g_prime(Z)
    np.testing.assert_array_equal(Z, before, "Z is left as it is")
    assert A.dtype == slope.dtype == dtype
    return A, slope


def test_all_are_here():
    assert {*FORMULAS, "maxout"} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_the_formulas(name):
    z = np.linspace(-9, 9, 1001)
    A, _ = applied(ACTIVATIONS[name](), z)
    np.testing.assert_allclose(A, [FORMULAS[name](x) for x in z], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", FORMULAS)
def test_float32_is_as_exact_as_it_can_be(name):
    z = np.linspace(-9, 9, 1001)
    A, slope = applied(ACTIVATIONS[name](), z, np.float32)
    exact, exact_slope = applied(ACTIVATIONS[name](), z.astype(np.float32))
    assert A.dtype == np.float32
    np.testing.assert_allclose(A, exact, rtol=1e-6, atol=3e-7)
    np.testing.assert_allclose(slope, exact_slope, rtol=1e-6, atol=5e-7)


@pytest.mark.parametrize("g", VARIANTS, ids=str)
def test_slopes_are_central_differences(g):
    z = np.linspace(-6, 6, 1000)  # 0 is not among them, nor the kinks of hard_sigmoid
    epsilon = 1e-5
    numeric = (applied(g, z + epsilon)[0] - applied(g, z - epsilon)[0]) / (2 * epsilon)
    np.testing.assert_allclose(applied(g, z)[1], numeric, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("g", VARIANTS, ids=str)
def test_extremes_are_finite_and_warn_of_nothing(g, dtype):
    A, slope = applied(g, [-1000, -100, -40, -0.0, 0, 40, 100, 1000], dtype)
    assert np.isfinite(A).all()
    assert np.isfinite(slope).all()
    assert (np.diff(A[[0, -1]]) > 0).all()


def test_exact_gelu_is_exact():
    """Phi by the standard library's erfc, which is right to the last digit or so."""
    z = np.linspace(-12, 12, 20001)
    A, slope = applied(GELU(), z)
    cdf = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in z])
    np.testing.assert_allclose(A, z * cdf, rtol=0, atol=2e-15)
    np.testing.assert_allclose(slope, cdf + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi), rtol=0, atol=2e-15)
    assert np.abs(applied(GELU(form="tanh"), z)[0] - A).max() < 5e-4


def test_selu_keeps_mean_zero_and_variance_one():
    z = np.random.default_rng(0).standard_normal(1_000_000)
    A, _ = applied(ACTIVATIONS["selu"](), z)
    assert A.mean() == pytest.approx(0, abs=5e-3)
    assert A.var() == pytest.approx(1, abs=1e-2)


def test_maxout_gives_the_largest_piece_of_each_unit_and_the_slope_to_it_alone():
    """Piece p of unit j is z[p n + j]; of equal ones the first has the slope."""
    Z = np.array([[1.0, -5, 3, -7, 2, -7], [0, 4, 0, 4, 0, 4]])  # two units of three pieces
    A, slope = applied(Maxout(pieces=3), Z)
    np.testing.assert_array_equal(A, [[3, -5], [0, 4]])
    np.testing.assert_array_equal(slope, [[0, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0]])
    A, slope = applied(Maxout(pieces=1), Z, np.float32)
    np.testing.assert_array_equal(A, Z)
    assert (slope == 1).all()


@pytest.mark.parametrize(("pieces", "gain"), [(2, 1), (5, 1.34)])
def test_maxout_keeps_the_size_of_the_signal_as_its_docstring_says(pieces, gain):
    z = np.random.default_rng(0).standard_normal((1, 400_000 * pieces))
    assert np.sqrt(np.mean(Maxout(pieces).g(z) ** 2)) == pytest.approx(gain, abs=5e-3)


def test_relu_has_no_slope_at_zero():
    assert applied(ReLU(), [0.0])[1] == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_names_an_initialiser_for_auto(name):
    assert ACTIVATIONS[name].init in INITIALIZERS


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: LeakyReLU(alpha=-0.1), "activation.alpha"),
        (lambda: ELU(alpha=0), "activation.alpha"),
        (lambda: GELU(form="fast"), "activation.form"),
        (lambda: HardSigmoid(slope=0), "activation.slope"),
        (lambda: Maxout(pieces=0), "activation.pieces"),
    ],
)
def test_a_mistake_is_named(make, key):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.key == key
