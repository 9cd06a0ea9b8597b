"""The promises of docs/reliability.md are kept by tests that there are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def named():
    """(file, test) of every test that the table of promises names; ``::test`` alone is of the file before it."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    table = text.partition("<!-- promises -->")[2].partition("<!-- /promises -->")[0]
    file = None
    for path, test in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", table):
        file = path or file
        yield file, test


@pytest.mark.parametrize(("file", "test"), list(named()))
def test_the_test_behind_a_promise_is_there(file, test):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test():
    assert len(list(named())) >= 20
