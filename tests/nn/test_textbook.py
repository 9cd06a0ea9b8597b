"""Each equation of the textbook is a line of the code, literally and once; and nothing but equations is there."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mnist_np"
SOURCES = {path: path.read_text() for path in [*sorted((PACKAGE / "nn").glob("*.py")), PACKAGE / "optim" / "descent.py"]}

EQUATIONS = [
    "Z = X @ W + b",
    "A = g(Z)",
    "dZ = dA * g_prime(Z)",
    "dW = X.T @ dZ",
    "db = dZ.sum(axis=0)",
    "dX = dZ @ W.T",
    "E = np.exp(Z - Z.max(axis=1, keepdims=True))",
    "A: Array = E / E.sum(axis=1, keepdims=True)",
    "A, log_A = softmax(Z), log_softmax(Z)",
    "J = -np.sum(Y * log_A) / m",
    "params -= lr * grads",
]


@pytest.mark.parametrize("equation", EQUATIONS)
def test_each_equation_is_a_line(equation):
    lines = [line.strip() for text in SOURCES.values() for line in text.splitlines()]
    assert lines.count(equation) == 1


def test_softmax_and_cross_entropy_have_their_famous_derivative():
    loss = SOURCES[PACKAGE / "nn" / "losses.py"]
    of_cross_entropy = loss[loss.index("class CrossEntropy") : loss.index("class BinaryCrossEntropy")]
    assert of_cross_entropy.count("dZ = (A - Y) / m\n") == 1


def test_no_page_speaks_of_buffers():
    """Arrays are allocated; what is changed in place are parameters, gradients and running statistics alone."""
    for path, text in SOURCES.items():
        if path.parent.name == "nn":
            assert not re.search(r"\bout=|scratch|workspace|np\.empty\(|buffer", text), path
