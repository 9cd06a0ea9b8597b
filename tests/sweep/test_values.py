"""Values of params: numbers, lists and words, and the axes that suit them."""

from __future__ import annotations

import pytest

from mnist_np.sweep.values import ABSENT, Param, going_together, number, order, readable, title, varying


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("128", 128.0),
        ("[64]", 64.0),
        ("[64,32]", None),
        ("adam", None),
        ("nan", None),
        ("inf", None),
        ("[]", None),
    ],
)
def test_number(text, value):
    assert number(text) == value


def test_order():
    mixed = ["tanh", "[64,64]", "0.01", "1e-3", "[128,64]", "relu", "[32,32,32]", "10"]
    assert sorted(mixed, key=order) == ["1e-3", "0.01", "10", "[64,64]", "[128,64]", "[32,32,32]", "relu", "tanh"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (["1e-4", "1e-3", "1e-1"], "log"),
        (["32", "64", "128", "256"], "linear"),
        (["0", "0.1", "0.5"], "linear"),
        (["100", "300", "600", "1000", "3000"], "log"),
        (["0.1", "0.3", "1.0"], "log"),
        ([str(i) for i in range(1, 21)], "linear"),
        (["0", "1e-5", "1e-3"], "category"),
        (["-1", "1"], "linear"),
        (["null", "1000"], "category"),
        (["relu", "tanh"], "category"),
    ],
)
def test_scale(values, scale):
    assert Param.of("key", values).scale == scale


def test_positions():
    assert Param.of("lr", ["0.1", "1e-3"]).position("1e-3") == 0.001
    words = Param.of("init", ["xavier", "he"])
    assert [words.position(value) for value in words.values] == [0.0, 1.0]


def test_varying():
    """What is the same in all rows does not vary; what one row lacks does."""
    rows = [{"a": "1", "b": "x"}, {"a": "2", "b": "x"}, {"a": "1", "b": "x", "c": "y"}]
    assert [(param.key, param.values) for param in varying(rows)] == [("a", ("1", "2")), ("c", ("y", ABSENT))]


def test_readable():
    assert readable("0.004151522148940408") == "0.004152"
    assert [readable(text) for text in ("1e-3", "0.001", "[128,64]", "he_normal_long")] == [
        "1e-3",
        "0.001",
        "[128,64]",
        "he_normal_long",
    ]


def test_title():
    assert title({"seed": "2", "model.hidden": "[64,32]", "optimizer": "adam"}) == "adam [64,32] s2"
    assert title({"model.norm_output": "True", "training.patience": "null"}) == "norm_output=true patience=null"


def test_values_that_go_in_pairs():
    def rows(*pairs):
        return [{"lr": x, "hidden": y, "seed": "0", "init": init} for x, y in pairs for init in ("a", "b")]

    assert going_together(rows(("0.3", "[8]"), ("0.2", "[16]"), ("0.1", "[32]"))) == ["lr", "hidden"]
    assert going_together(rows(("0.3", "x"), ("0.2", "z"), ("0.1", "y"))) == ["lr", "hidden"]
    assert going_together(rows(("0.3", "[8]"), ("0.2", "[32]"), ("0.1", "[16]"))) == []  # as in a search
    assert going_together(rows(("0.3", "[8]"), ("0.3", "[16]"), ("0.1", "[16]"))) == []
    assert going_together([]) == []
