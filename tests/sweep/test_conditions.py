"""Conditions of ``sweep.exclude``: what they mean, what is known before all is composed, and what is none."""

import pytest

from mnist_np.component import ConfigError
from mnist_np.experiment import Experiment
from mnist_np.sweep.conditions import Condition, as_written
from mnist_np.sweep.exclusion import Exclusion

VALUES = {"optimizer": "sgd", "optimizer.lr": "1e-3", "model.hidden": "[64, 32]", "training.patience": "null", "name": "a b"}
VALUES |= {"model.norm_output": "True", "model.activations": "[True,null,relu]"}  # as Hydra hands them on


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer=sgd", True),
        ("optimizer==sgd", True),
        ("optimizer = 'sgd'", True),
        ("optimizer!=sgd", False),
        ("optimizer.lr=0.001", True),
        ("optimizer.lr<0.01", True),
        ("optimizer.lr<0.001", False),
        ("optimizer.lr<=0.001", True),
        ("optimizer.lr>1e-4 and optimizer.lr<1e-2", True),
        ("optimizer=adam or optimizer.lr=0.001", True),
        ("optimizer=adam or optimizer=sgd and optimizer.lr>1", False),
        ("(optimizer=adam or optimizer=sgd) and optimizer.lr<1", True),
        ("not optimizer=adam", True),
        ("not (optimizer=sgd and optimizer.lr<1)", False),
        ("model.hidden=[64,32]", True),
        ("model.hidden=[64]", False),
        ("training.patience=null", True),
        ("training.patience<3", False),
        ('name="a b"', True),
        ("model.norm_output=true", True),
        ("model.norm_output=True", True),
        ("model.norm_output='true'", True),
        ("model.norm_output!=true", False),
        ("model.norm_output=false", False),
        ("model.activations=[true, null, relu]", True),
        ("model.activations=[false,null,relu]", False),
        ("optimizer<1", False),
        ("optimizer.beta1<1", False),
        ("optimizer.beta1!=1", True),
        ("not optimizer.beta1<1", True),
    ],
)
def test_what_a_condition_means(text, expected):
    assert Condition.parse(text).holds(VALUES, True) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer=sgd and model.depth=3", None),
        ("optimizer=adam and model.depth=3", False),
        ("optimizer=sgd or model.depth=3", True),
        ("optimizer=adam or model.depth=3", None),
        ("not model.depth=3", None),
    ],
)
def test_what_is_known_before_all_is_composed(text, expected):
    assert Condition.parse(text).holds(VALUES, False) is expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "optimizer", "optimizer=", "=sgd", "optimizer=sgd and", "(optimizer=sgd", "optimizer=sgd)", "not", "lr<<1", "1=1",
     "optimizer=sgd adam", "lr<sgd", "__import__('os')", "lr=1 lr=2", "lr === 1", "a=[1", 'a="x', "()", "a and b", "a=and b"],
)  # fmt: skip
def test_what_is_no_condition(text):
    with pytest.raises(ConfigError, match=r"sweep\.exclude"):
        Condition.parse(text)


@pytest.mark.parametrize(("value", "text"), [(None, "null"), (True, "true"), ([64, 32], "[64,32]"), (0.1, "0.1"), ("x", "x")])
def test_values_as_they_are_written(value, text):
    assert as_written(value) == text


def test_a_default_of_the_config_counts_and_an_unknown_key_is_told():
    exclusion = Exclusion(["optimizer=sgd and optimizer.lr>0.01"])
    assert not exclusion.leaves_out_early(["seed=1"])
    assert exclusion.leaves_out(["seed=1"], Experiment())
    assert not exclusion.leaves_out(["seed=1", "optimizer.lr=0.001"], Experiment())
    exclusion.check(False)
    wrong = Exclusion(["optimzer=sgd"])
    assert not wrong.leaves_out(["seed=1"], Experiment())
    with pytest.raises(ConfigError, match="did you mean 'optimizer'"):
        wrong.check(False)
