"""Promise: any config, however odd, is either a valid experiment that runs or one clear message; never another exception."""

import dataclasses
import logging
import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnist_np.api import run
from mnist_np.component import Component, ConfigError
from mnist_np.data.dataset import DataError
from mnist_np.experiment import Experiment
from mnist_np.registry import REGISTRY
from mnist_np.serialize import flatten, from_dict, to_dict
from mnist_np.sweep.run_config import RunConfig

pytestmark = pytest.mark.fault

NUMBERS = st.sampled_from(
    [0, 1, -1, 2, 3, 0.5, 0.1, 1.5, -0.0, 1e-9, 1e9, 1e300, 10**30, math.inf, -math.inf, math.nan]
) | st.integers(0, 9)
TEXTS = st.sampled_from(
    ["", "auto", "relu", "adam", "never", "none", "val/loss", "0.1", "null", "${seed}", "../x", "é\n\0"]
) | st.text(max_size=5)
ODD = NUMBERS | TEXTS | st.none() | st.booleans() | st.floats() | st.integers()
VALUES = ODD | st.lists(ODD, max_size=3) | st.dictionaries(st.sampled_from(["name", "lr", "x", ""]), ODD, max_size=2)


def typed(f, within=False):
    """Values of the field's own type: its choices, or numbers around the ends of its range (``within`` it), small and absurd."""
    choices = f.metadata.get("choices")
    if choices:
        return st.sampled_from(choices)
    limits = f.metadata.get("limits", {})
    numbers = [x + d for x in limits.values() for d in (-1, -0.5, 0, 0.01, 0.5, 1, 2)] + [0, 0.3, 1, 2, 3, 1e30]
    if within:
        holds = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__}
        numbers = [x for x in numbers if all(holds[sign](float(x), float(limit)) for sign, limit in limits.items())]
    around = st.sampled_from(numbers)
    whole = st.sampled_from([int(x) for x in numbers if x == int(x) and x < 1000] or [int(max(numbers))])
    kind = re.sub(r"Optional\[(.*)\]$|\s*\| None$", r"\1", str(f.type))
    if kind.startswith("list"):
        return st.lists(whole if "int" in kind else TEXTS | st.none(), max_size=3)
    of_kind = {"int": whole, "float": around.map(float), "bool": st.booleans(), "str": TEXTS}
    return of_kind.get(kind, around if limits else st.sampled_from(["auto", "off", "epoch", 1]))


def fields_of(kind, odd=True):
    """Some fields of a component, each with a value of its type or, where ``odd``, now and then with any other."""
    names = [f for f in dataclasses.fields(kind) if not part(kind, f)]
    values = {f.name: st.one_of(typed(f), typed(f), VALUES) if odd else typed(f, within=True) for f in names}
    return st.fixed_dictionaries({}, optional=values)


def part(kind, f):
    """Whether the field is a component of its own."""
    return isinstance(getattr(kind(), f.name), Component)


def option(group, odd=True):
    """A mapping that names an option of the group, with some of its fields."""
    return st.sampled_from(sorted(REGISTRY[group])).flatmap(
        lambda name: fields_of(REGISTRY[group][name], odd).map(lambda fields: {"name": name, **fields})
    )


def made_or_refused(kind, values):
    """The component, or None after a message. Any other exception is a failure of the test."""
    try:
        return from_dict(kind, values)
    except ConfigError as error:
        message = str(error)
    assert len(message) > 10, message
    return None


OPTIONS = [(group, name) for group, options in REGISTRY.items() for name in options]


@pytest.mark.parametrize(("group", "name"), OPTIONS, ids=lambda part: str(part))
def test_every_key_of_every_option(group, name):
    """Made, and then the same again when described and made anew; or refused by a message that names the key."""

    @settings(max_examples=40)
    @given(values=fields_of(REGISTRY[group][name]))
    def check(values):
        made = made_or_refused(REGISTRY[group][name], {"name": name, **values})
        if made is not None:
            assert to_dict(from_dict(type(made), to_dict(made))) == to_dict(made)

    check()


def whole(kind, odd=True):
    """An experiment's config: an option for each group, the other parts' fields, and where ``odd`` anything else in between."""
    parts = {}
    for f in dataclasses.fields(kind):
        default = getattr(kind(), f.name)
        if isinstance(default, Component):
            parts[f.name] = option(f.name, odd) if f.name in REGISTRY else fields_of(type(default), odd)
        else:
            parts[f.name] = typed(f, within=not odd)
    return st.fixed_dictionaries(
        {}, optional={key: st.one_of(part, part, part, VALUES) if odd else part for key, part in parts.items()}
    )


@settings(max_examples=300)
@given(values=whole(RunConfig))
@example(values={"training": {"epochs": True}})
@example(values={"seed": 10**40})
def test_whole_configs(values):
    made = made_or_refused(RunConfig, values)
    if made is not None:
        assert flatten(to_dict(made))


SMALL = {
    "data": {"name": "synthetic", "examples": 24, "validation_size": 8, "classes": 3, "side": 4},
    "training": {"epochs": 2, "batch_size": 8},
    "model": {"name": "mlp", "hidden": [4]},
}


def small(values):
    """The config made so small that it trains in a moment, with as much of ``values`` as leaves it so."""
    config = {key: value for key, value in values.items() if key != "data"}
    for key, base in SMALL.items():
        given_ = config.get(key)
        if isinstance(given_, dict) and key != "data":
            config[key] = base | {
                k: v for k, v in given_.items() if k not in ("epochs", "batch_size", "hidden", "processes", "threads", "name")
            }
        else:
            config[key] = base
    return config


@settings(max_examples=150)
@given(values=whole(Experiment, odd=False))
@example(values={"init": {"name": "auto", "scale": 1e30}})  # not even the first weights can be evaluated
def test_what_is_accepted_runs(values):
    """To its end, or until it diverges; or it is refused when the data are there, again with a message."""
    logging.disable(logging.CRITICAL)
    try:
        result = run(from_dict(Experiment, small(values)))
    except (ConfigError, DataError):
        return
    finally:
        logging.disable(logging.NOTSET)
    assert result.status in ("finished", "diverged")
    assert all(map(math.isfinite, result.metrics.values()))
