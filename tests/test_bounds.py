"""Every numeric key of every component at its bounds: a training that ends, with finite weights, or one clear message."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import Component, UserError, without_null
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import Momentum
from mnist_np.registry import REGISTRY

HUGE, HUGE_INT = 1e300, 10**18
TRAINING = Training(epochs=2, batch_size=30)
DATA = Synthetic(examples=96, validation_size=32)
BASE = Experiment(model=MLP(hidden=[6]), data=DATA, training=TRAINING)

UNBOUNDED = {
    "hidden",
    "examples",
    "epochs",
    "batch_size",
    "train_size",
    "validation_size",
    "checkpoint_every_epochs",
    "checkpoint_every_steps",
}
"""Sizes and lengths whose upper end is this machine's memory or patience."""

LISTS = {"hidden", "milestones"}
NUMBER_OR_LIST = {"dropout", "noise", "max_norm"}
"""Keys of the model without a type of their own, since they may be lists."""

CONTEXT = {
    "momentum_to": {"momentum_from": 0.5},
    "momentum_epochs": {"momentum_from": 0.5},
    "norm_momentum": {"norm": "batch"},
    "norm_epsilon": {"norm": "batch"},
    "patience": {},
    "elastic_sigma": {"elastic_alpha": 2.0},
}
"""What a key needs beside it to have an effect."""


def components() -> list[Component]:
    found: list[Component] = [TRAINING]
    for group, options in REGISTRY.items():
        for name, kind in options.items():
            if kind.__module__.startswith("mnist_np.") and name not in ("idx", "fashion_mnist", "mnist", "distillation"):
                found.append({"model": BASE.model, "data": DATA}.get(group) or kind())
    return found


def ends(f: dataclasses.Field, default: object) -> list[object]:
    """The least and the greatest values that the field's limits allow, and one beyond each limit's open end."""
    kind = "float" if f.name in NUMBER_OR_LIST else without_null(str(f.type))[0].removeprefix("list[").removesuffix("]")
    limits = f.metadata.get("limits", {})
    if kind == "int":
        low = limits.get(">=", limits[">"] + 1 if ">" in limits else None)
        high = limits.get("<=", HUGE_INT if f.name not in UNBOUNDED else None)
    elif kind == "float":
        low = limits.get(">=", math.nextafter(limits[">"], math.inf) if ">" in limits else -HUGE)
        high = limits.get("<=", math.nextafter(limits["<"], -math.inf) if "<" in limits else HUGE)
    else:
        return []
    return [[value] if f.name in LISTS else value for value in (low, high) if value is not None]


CASES = [
    pytest.param(component, f.name, value, id=f"{component.group}={type(component).__name__} {f.name}={value}")
    for component in components()
    for f in dataclasses.fields(component)
    for value in ends(f, getattr(component, f.name))
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("component", "key", "value"), CASES)
def test_a_key_at_its_bound(component, key, value, dtype):
    try:
        changed = replace(component, **CONTEXT.get(key, {}), **{key: value})
        ramped = component.group == "schedule" and changed.momentum_from is not None
        parts = {component.group: changed} | ({"optimizer": Momentum()} if ramped else {})
        experiment = replace(BASE, **parts)
        result = run(replace(experiment, training=replace(experiment.training, dtype=dtype)))
    except UserError as error:
        message = str(error)
        assert key in message
        assert "\n" not in message
        return
    assert result.status == "finished" or (result.status == "diverged" and result.reason)
    assert "\n" not in result.reason
    assert np.isfinite(result.network.params).all()
    assert all(math.isfinite(value) for value in result.metrics.values())
