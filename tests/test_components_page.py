"""docs/components.md is what the docstrings say now, and says something of every component."""

from pathlib import Path

import pytest
from components import BY_KEY, described, page

from mnist_np.registry import REGISTRY

ROOT = Path(__file__).parent.parent


def test_the_page_is_not_stale():
    assert (ROOT / "docs" / "components.md").read_text(encoding="utf-8") == page(), "run: python scripts/components.py"


@pytest.mark.parametrize("group", REGISTRY)
def test_every_option_is_described(group):
    ours = {name: kind for name, kind in REGISTRY[group].items() if kind.__module__.startswith("mnist_np.")}
    for name, kind in ours.items():
        formula, _ = described(kind)
        assert formula and not formula.startswith(f"{kind.__name__}("), f"{group}={name} needs a docstring"  # noqa: PT018
        assert f"| `{name}` |" in page()


def test_formula_and_source_are_told_apart():
    def scaled():
        """scaled: f(x) = a x (see 1999) with n (n_in) (Somebody 2001, eq. 3). More.

        Not this (Nobody 2002).
        """

    assert described(scaled) == ("f(x) = a x (see 1999) with n (n_in). More.", "Somebody 2001, eq. 3")
    assert described(lambda: None) == ("", "")


def test_markdown_shows_formulas_as_they_are():
    rows = [line for line in page().splitlines() if line.startswith("|")]
    assert any(r"log(1 + e^-\|z\|)" in row for row in rows)
    assert any(r"g[l\](A[l-1]" in row for row in rows), "no link"
    assert all(row.replace(r"\|", "").count("|") in (4, 5) for row in rows)


def test_what_has_no_option_of_its_own_is_there_too():
    for kinds in BY_KEY.values():
        for name, kind in kinds.items():
            assert described(kind)[0], name
