"""The options in conf/: what a person reads there is what the classes do by themselves, and it trains."""

import dataclasses
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mnist_np.api import run
from mnist_np.data.sources import MNIST
from mnist_np.experiment import Experiment, Training
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.optim.schedules import SCHEDULES

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = [("optimizer", name, kind) for name, kind in OPTIMIZERS.items()]
OPTIONS += [("schedule", name, kind) for name, kind in SCHEDULES.items()]


def option(group, name):
    """The keys and values of ``conf/<group>/<name>.yaml``."""
    values = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
    assert values.pop("defaults") == [f"base_{name}", "_self_"]
    return values


@pytest.mark.parametrize(("group", "name", "kind"), OPTIONS)
def test_yaml_and_class_agree(group, name, kind):
    assert option(group, name) == dataclasses.asdict(kind())


@pytest.mark.parametrize(("group", "name", "kind"), OPTIONS)
def test_every_key_has_a_comment(group, name, kind):
    title, _, *keys = (CONF / group / f"{name}.yaml").read_text().splitlines()
    assert title.startswith("# ")
    assert all(" # " in line for line in keys)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_reaches_96_percent_of_mnist_in_three_epochs(name):
    """The default network, 784-128-64-10, with the learning rate of the optimizer's YAML."""
    optimizer = OPTIMIZERS[name](**option("optimizer", name))
    result = run(Experiment(optimizer=optimizer, data=MNIST(), training=Training(epochs=3)))
    assert result.status == "finished"
    assert result.test.accuracy >= 0.96
