"""What is packed for a checkpoint comes back the same, to the bit and to the type; anything else is refused."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mnist_np.nn.arrays import Array
from mnist_np.storage.packing import pack, unpack


@dataclass
class Inner:
    W: Array
    epoch: int = 0


@dataclass
class Outer:
    state: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best: Inner | None = None
    generators: dict[str, np.random.Generator] = field(default_factory=dict)
    share: float = 0.5
    running: bool = True
    name: str = ""


def there_and_back(value: Outer) -> Outer:
    """By way of JSON, as in a file."""
    collected: dict[str, Any] = {}
    tree = json.loads(json.dumps(pack(value, "outer", collected)))
    return unpack(Outer, tree, collected, "outer")


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.floats(width=32).map(np.float32)
    | st.floats().map(np.float64)
    | st.integers(-(2**63), 2**63 - 1).map(np.int64)
)
ARRAYS = st.sampled_from(["f4", "f8", "i8", "u1", "?"]).flatmap(lambda kind: arrays(kind, array_shapes(min_dims=0, min_side=0)))
NAMES = st.text("abcdefgh", min_size=1)
VALUES = st.recursive(SCALARS | ARRAYS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_state_comes_back_as_it_was(state):
    assert same(there_and_back(Outer(state=state)).state, state)


def test_a_dataclass_comes_back_by_its_annotations():
    value = Outer({"t": 3}, [{"epoch": 1, "loss": 0.1}], Inner(np.arange(6.0).reshape(2, 3), 7), share=1.0, name="x")
    back = there_and_back(value)
    assert same(vars(back.best), vars(value.best))
    assert (back.state, back.history, back.share, back.running, back.name) == (
        *(value.state, value.history, value.share, value.running, value.name),
    )


def test_a_generator_goes_on_where_it_stood():
    rng = np.random.default_rng(5)
    rng.standard_normal(17)
    rng.integers(0, 10, 3, dtype=np.uint32)  # leaves half a word behind
    back = there_and_back(Outer(generators={"dropout": rng})).generators["dropout"]
    assert np.array_equal(back.integers(0, 100, 9, dtype=np.uint32), rng.integers(0, 100, 9, dtype=np.uint32))
    assert np.array_equal(back.random(20), rng.random(20))


def test_scratch_is_left_behind():
    assert there_and_back(Outer({"m": 1, "_scratch": object()})).state == {"m": 1}


@pytest.mark.parametrize("value", [object(), (1, 2), {1}, 1j, np.array([None]), b"bytes", lambda: None])
def test_what_cannot_be_saved_is_named(value):
    with pytest.raises(TypeError, match=r"outer\.state\.odd"):
        pack(Outer({"odd": value}), "outer", {})


WRONG = {
    "fields": {"share": 1.0},
    "state": [],
    "history": {"a": 1},
    "history.0": [3],
    "best.W": {"W": 3, "epoch": 1},
    "best.epoch": {"W": {"$array": "W"}, "epoch": "1"},
    "generators.a": {"a": {"$generator": {"bit_generator": "MT19937"}}},
    "generators.b": {"b": {"$generator": {"bit_generator": "PCG64", "state": {"state": 1 << 200, "inc": -1}}}},
    "generators.c": {"c": 7},
    "share": "0.5",
    "running": 1,
    "name": 3,
    "array": {"x": {"$array": "nowhere"}},
    "scalar": {"x": {"$scalar": ["O", 1]}},
}


@pytest.mark.parametrize(("where", "part"), WRONG.items(), ids=list(WRONG))
def test_a_tree_of_other_types_is_refused(where, part):
    tree: Any = pack(Outer(), "outer", {})
    if where == "fields":
        tree = part
    else:
        tree["state" if where in ("array", "scalar") else where.split(".")[0]] = part
    with pytest.raises(ValueError, match=where.split(".")[0] if where != "array" and where != "scalar" else "state"):
        unpack(Outer, tree, {"W": np.zeros(3)}, "outer")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$array", "$scalar", "$generator", "a", *Outer.__dataclass_fields__]), inner, max_size=4
        )
    ),
)


@given(JSON)
def test_no_tree_does_worse_than_a_value_error(tree):
    try:
        unpack(Outer, tree, {})
    except ValueError:
        return
