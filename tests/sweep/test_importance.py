"""Importance of params."""

from __future__ import annotations

import pytest
from made_up import grid

from mnist_np.sweep.importance import FEWEST, importance
from mnist_np.sweep.report import SweepReport

pytest.importorskip("sklearn")


def test_what_matters_comes_first():
    """lr moves the error by a factor of seven, the schedule by a tenth, ``idle`` not at all."""
    effects = {
        "schedule": {"constant": 0.1, "cosine": 0.0},
        "optimizer.lr": {"1e-3": 0, "1e-2": 1, "1": 2},
        "idle": {"a": 0, "b": 0},
    }
    found = importance(SweepReport("x", grid(effects, seeds=3)))
    assert found is not None
    assert found.keys == ["optimizer.lr", "schedule", "idle"]
    assert found.means[0] > 5 * found.means[1]
    assert found.means[2] < 0.05
    assert found.r2 > 0.8


def test_nothing_is_said_from_too_few_runs_or_params():
    two = {"a": {"x": 0.0, "y": 1.0}, "b": {"x": 0.0, "y": 1.0}}
    assert importance(SweepReport("x", grid(two, seeds=3))) is None
    assert importance(SweepReport("x", grid({"a": {"x": 0.0, "y": 1.0}}, seeds=FEWEST))) is None
