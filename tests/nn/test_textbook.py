"""Each equation of the textbook is a line of the code, literally and once; and nothing but equations is there."""

import ast
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
    "dZ = (A - Y) / m",
    "params -= lr * grads",
]


@pytest.mark.parametrize("equation", EQUATIONS)
def test_each_equation_is_a_line(equation):
    lines = [line.strip() for text in SOURCES.values() for line in text.splitlines()]
    assert lines.count(equation) == 1


def test_softmax_and_cross_entropy_have_their_famous_derivative():
    loss = SOURCES[PACKAGE / "nn" / "losses.py"]
    assert "dZ = (A - Y) / m\n" in loss[loss.index("class CrossEntropy") : loss.index("class BinaryCrossEntropy")]


def test_what_the_readme_names_is_read_in_one_sitting():
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Read the mathematics") :]
    files = re.findall(r"^\d\. \[`[^`]+`\]\(([^)]+)\)", section, re.MULTILINE)
    assert len(files) == 5
    assert sum(lines_of_code(PACKAGE.parent / file) for file in files) <= 400


def lines_of_code(file: Path) -> int:
    """The lines of a file that are neither blank nor a comment or docstring."""
    text = file.read_text(encoding="utf-8")
    documentation = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for n, line in lines if n not in documentation and line.strip() and not line.strip().startswith("#"))


def test_no_page_speaks_of_buffers():
    """Arrays are allocated; what is changed in place are parameters, gradients and running statistics alone."""
    for path, text in SOURCES.items():
        if path.parent.name == "nn":
            assert not re.search(r"\bout=|scratch|workspace|np\.empty\(|buffer", text), path
