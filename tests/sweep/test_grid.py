"""The points of a grid: combinations, and keys that go in pairs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_np.component import ConfigError
from mnist_np.sweep.grid import points


def test_every_combination_in_the_order_of_the_keys():
    found = list(points({"a": ["1", "2"], "b": ["x", "y"]}))
    assert found == [{"a": a, "b": b} for a in "12" for b in "xy"]
    assert list(found[0]) == ["a", "b"]


def test_paired_keys_take_their_values_together():
    axes = {"a": ["1", "2"], "c": ["s", "t"], "b": ["x", "y"]}
    found = list(points(axes, [["b", "a"]]))
    assert [(p["a"], p["b"]) for p in found] == [("1", "x"), ("1", "x"), ("2", "y"), ("2", "y")]
    assert [p["c"] for p in found] == ["s", "t", "s", "t"]


def test_a_group_of_another_grid_is_passed_over():
    assert list(points({"a": ["1"]}, [["b", "c"]])) == [{"a": "1"}]


def test_no_keys_is_one_point():
    assert list(points({})) == [{}]


@pytest.mark.parametrize(
    ("axes", "said"),
    [({"a": ["1", "2"], "b": ["1"]}, "a has 2, b has 1"), ({"a": ["1", "2"]}, "b does not vary")],
)
def test_groups_that_cannot_be_paired(axes, said):
    with pytest.raises(ConfigError, match=said):
        list(points(axes, [["a", "b"]]))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.randoms())
def test_the_set_of_points_depends_on_no_order(sizes, random):
    axes = {f"k{i}": [str(v) for v in range(n)] for i, n in enumerate(sizes)}
    by_size = {n: [k for k in axes if len(axes[k]) == n] for n in sizes}
    zipped = [keys for keys in by_size.values() if len(keys) > 1][:1]

    def as_set(axes, zipped):
        return {frozenset(point.items()) for point in points(axes, zipped)}

    found = as_set(axes, zipped)
    keys = list(axes)
    random.shuffle(keys)
    assert as_set({key: axes[key] for key in keys}, [list(reversed(group)) for group in zipped]) == found
    whole = as_set(axes, [])
    assert found <= whole
    for group in zipped:
        assert all(len({dict(point)[key] for key in group}) == 1 for point in found)
    assert len(whole) == len(list(itertools.product(*axes.values())))
