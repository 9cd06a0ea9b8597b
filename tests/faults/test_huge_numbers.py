"""Promise: a number of any size, for any key, is taken or refused in one line; and what cannot fit into memory is refused before
anything is made."""

import dataclasses
import re
import resource
import subprocess
import sys

import pytest
from commands import train

from mnist_np import memory
from mnist_np.api import run
from mnist_np.cli.train import main
from mnist_np.component import Component, ConfigError
from mnist_np.data.dataset import DataError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.maxout import Maxout
from mnist_np.nn.mlp import MLP
from mnist_np.registry import REGISTRY
from mnist_np.serialize import from_dict
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.settings import Search, Sweep
from mnist_np.tracking.settings import Tracking

pytestmark = pytest.mark.fault

KINDS = [*(kind for options in REGISTRY.values() for kind in options.values()), RunConfig, Training, Sweep, Search, Tracking]
FIELDS = [
    (kind, f.name, bare)
    for kind in KINDS
    for f in dataclasses.fields(kind)
    if not isinstance(getattr(kind(), f.name), Component)
    for bare in [re.sub(r"Optional\[(.*)\]$|\s*\| None$", r"\1", str(f.type))]
    if bare in ("int", "float", "list[int]", "list[float]", "Any")
]
INTEGERS = [(kind, name, bare) for kind, name, bare in FIELDS if bare in ("int", "list[int]")]


def made_or_refused(make):
    """What is made, or None after a message of a line."""
    try:
        return make()
    except (ConfigError, DataError) as error:
        message = str(error)
    assert len(message) < 600
    assert "\n" not in message
    return None


def named(fields):
    return pytest.mark.parametrize(("kind", "name", "bare"), fields, ids=[f"{k.__name__}.{n}" for k, n, _ in fields])


@named(FIELDS)
def test_every_number_beyond_64_bits(kind, name, bare):
    for number in (10**19, -(10**19), 2**63, 10**5000, -(10**5000)):
        for value in (number, [number]):
            made = made_or_refused(lambda value=value: kind(**{name: value}))
            if made is None:
                continue
            assert "int" not in bare, "an integer of this size fits nowhere"
            assert all(abs(x) <= 1e19 for x in [getattr(made, name)] if isinstance(x, int | float))


SMALL = {
    "data": {"name": "synthetic", "examples": 24, "validation_size": 8, "classes": 3, "side": 4},
    "training": {"epochs": 1, "batch_size": 8},
    "model": {"name": "mlp", "hidden": [4]},
}
LONG = ("epochs",)
"""Keys whose large values are but a long training."""


@named([(kind, name, bare) for kind, name, bare in INTEGERS if kind.group in dir(Experiment()) and name not in LONG])
def test_the_largest_integer_runs_or_is_refused(kind, name, bare):
    option = next((n for n, k in REGISTRY.get(kind.group, {}).items() if k is kind), None)
    for number in (2**63 - 1, 2**62 + 1, 2**32, 10**9):
        values = SMALL.get(kind.group, {}) | {name: [number] if bare.startswith("list") else number}
        config = SMALL | {kind.group: values | ({"name": option} if option else {})}
        result = made_or_refused(lambda config=config: run(from_dict(Experiment, config)))
        assert result is None or result.status in ("finished", "diverged")


@pytest.mark.parametrize("key", ["seed", "training.epochs", "model.hidden", "optimizer.lr", "training.threads", "name"])
def test_thousands_of_digits_on_the_command_line(key, tmp_path, capsys):
    for value in ("9" * 5000, f"[{'9' * 5000}]", f"range({'9' * 5000})"):
        assert main(["data=synthetic", "tracking=off", f"outputs={tmp_path / 'outputs'}", f"{key}={value}"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert len(said.splitlines()) == 1
        assert len(said) < 1000
    assert not list(tmp_path.iterdir())


HUGE = {
    "one layer": {"model": MLP(hidden=[10**9])},
    "two layers": {"model": MLP(hidden=[10**6, 10**6])},
    "maxout pieces": {"activation": Maxout(pieces=10**8)},
    "many layers": {"model": MLP(hidden=[30_000] * 100)},
    "the batch": {
        "model": MLP(hidden=[1] * 100 + [10**6]),
        "training": Training(batch_size=10**6),
        "data": Synthetic(examples=400_000),
    },
}


@pytest.mark.parametrize("parts", HUGE.values(), ids=HUGE)
def test_networks_beyond_the_memory_there_is(parts, monkeypatch):
    monkeypatch.setattr("mnist_np.experiment.available", lambda: 10**11)
    with pytest.raises(ConfigError, match=r"takes at least [\d,.]+ GB of memory, and 100.0 GB are free"):
        run(Experiment(**({"data": Synthetic()} | parts)))


def test_memory_is_known(monkeypatch, tmp_path):
    assert 1e7 < memory.available() < 1e14
    for name in ("MEMINFO", "STATM", "CGROUP"):
        monkeypatch.setattr(memory, name, tmp_path / "nowhere")
    assert 1e7 < memory.available() < 1e14, "all that the machine has"
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "cgroup/memory.stat").write_text("anon 300\nfile 900\n")
    (tmp_path / "cgroup/memory.max").write_text("1000\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "cgroup")
    assert memory.available() == 700
    (tmp_path / "cgroup/memory.max").write_text("max\n")
    assert memory.available() > 1000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a limit to the address space is not kept")
@pytest.mark.parametrize(
    "megabytes",
    [200, 400, 700, *(pytest.param(m, marks=pytest.mark.slow) for m in (100, 150, 300, 500, 550, 600, 800, 900, 1000))],
)
def test_a_process_that_may_take_little_memory(megabytes, tmp_path):
    """The default run, tracked: it runs to its end, or says in a line what it lacks."""
    done = subprocess.run(
        train(tmp_path, "training.epochs=1", "data.train_size=500"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1, 2), (done.returncode, done.stderr)
