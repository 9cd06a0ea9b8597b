"""Components of one's own from a Python file that is named on the command line."""

import sys

import pytest
import yaml
from hydra.core.config_store import ConfigStore

from mnist_np.registry import REGISTRY

SWISHY = '''
from __future__ import annotations

from dataclasses import dataclass

from mnist_np.component import bounded
from mnist_np.nn.activations import Tanh
from mnist_np.registry import register


@register("activation", "swishy")
@dataclass
class Swishy(Tanh):
    """Tanh of a scaled input."""

    slope: float = bounded(1.0, gt=0)

    def g(self, Z):
        return super().g(self.slope * Z)

    def g_prime(self, Z):
        return self.slope * super().g_prime(self.slope * Z)
'''
SMALL = ("data=synthetic", "tracking=off", "tracking.figures=false", "training.epochs=1", "hydra.run.dir=run")


@pytest.fixture(autouse=True)
def _forget_plugins():
    """Take out again what a test's plugin has registered."""
    before = {group: dict(options) for group, options in REGISTRY.items()}
    yield
    for group, options in before.items():
        REGISTRY[group].clear()
        REGISTRY[group].update(options)
    ConfigStore.instance().repo["activation"].pop("swishy.yaml", None)
    for name in [name for name in sys.modules if name.startswith("mnist_np_plugin_")]:
        del sys.modules[name]


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "my_parts.py").write_text(SWISHY)
    return "plugins=[my_parts.py]"


def test_is_an_option_with_keys(plugin, train, tmp_path):
    outcome = train(plugin, "activation=swishy", "activation.slope=2", *SMALL)
    assert outcome.code == 0, outcome.err
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["activation"] == {"name": "swishy", "slope": 2.0}


def test_may_be_named_for_one_layer(plugin, train, tmp_path):
    assert train(plugin, "model.activations=[relu,swishy]", *SMALL).code == 0
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["model"]["activations"] == ["relu", "swishy"]


def test_its_values_are_checked(plugin, train):
    outcome = train(plugin, "activation=swishy", "activation.slope=0", *SMALL)
    assert (outcome.code, outcome.err) == (2, "error: activation.slope=0.0: must be > 0\n")


def test_is_unknown_unless_named(plugin, train):
    outcome = train("activation=swishy", *SMALL)
    assert outcome.code == 2
    assert "activation=swishy: no such option" in outcome.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError in line 1"),
        ("x = (", "SyntaxError"),
        ("x = 1", "registers nothing"),
        (SWISHY.replace('"swishy"', '"relu"'), "activation = 'relu': this name is taken already"),
        (SWISHY.replace('"activation"', '"loss"'), "must be a @dataclass (written below @register) of the group loss"),
        (SWISHY.replace('"activation"', '"activaton"'), "did you mean 'activation'?"),
    ],
)
def test_a_bad_file_is_told_in_one_line(text, says, train, tmp_path):
    (tmp_path / "my_parts.py").write_text(text)
    outcome = train("plugins=[my_parts.py]", *SMALL)
    assert outcome.code == 2
    assert "my_parts.py" in outcome.err
    assert says in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["my_parts.py"]
