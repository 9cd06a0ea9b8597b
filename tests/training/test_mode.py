"""How a training is computed is chosen by one rule."""

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest
from cores import ALONE, TOGETHER, two_processes, use

from mnist_np import machine
from mnist_np.component import ConfigError
from mnist_np.data.augment import Distort
from mnist_np.engine.threads import blas_threads
from mnist_np.experiment import Experiment, Training
from mnist_np.fingerprint import identify
from mnist_np.nn.activations import Tanh
from mnist_np.nn.initializers import Orthogonal
from mnist_np.nn.maxout import Maxout
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.training import auto_mode
from mnist_np.training.auto_mode import mode_of
from mnist_np.training.mode import Mode
from mnist_np.training.run import untrained

DATA = SimpleNamespace(n_features=784, n_classes=10, train=range(50_000))


@pytest.fixture
def two_cores(monkeypatch):
    use(monkeypatch, 2)


def chosen(hidden=(128, 64), **changes):
    training = Training(**changes.pop("training", {}))
    experiment = Experiment(model=MLP(hidden=list(hidden)), training=training, **changes)
    return mode_of(experiment, DATA, experiment.build_network(784, 10, drawn=False).layers)


@two_processes
@pytest.mark.parametrize(
    ("cores", "limit", "hidden", "training", "expected"),
    [
        (2, 2, [128, 64], {}, TOGETHER),
        (2, 2, [1024] * 3, {"batch_size": 512}, TOGETHER),
        (2, 2, [128], {"batch_size": 32, "threads": "auto", "processes": "auto"}, TOGETHER),
        (2, 2, [16], {}, ALONE),
        (2, 2, [64] * 4, {}, ALONE),
        (2, 2, [64] * 4, {"batch_size": 128}, TOGETHER),
        (2, 2, [128, 64], {"epochs": 1}, ALONE),
        (2, 2, [128, 64], {"threads": 1}, ALONE),
        (2, 2, [128, 64], {"threads": 2}, Mode(1, 2)),
        (2, 2, [128, 64], {"processes": 1}, ALONE),
        (2, 2, [1024] * 3, {"processes": 1}, Mode(1, 2)),
        (2, 2, [16], {"processes": 2}, TOGETHER),
        (2, 2, [1024] * 3, {"engine": "textbook"}, Mode(1, 2)),
        (1, 1, [1024] * 3, {}, ALONE),
        (2, 1, [1024] * 3, {}, ALONE),
        (8, 8, [128, 64], {}, TOGETHER),
        (8, 8, [1024] * 3, {"batch_size": 512}, Mode(1, 8)),
        (8, 1, [1024] * 3, {"batch_size": 512}, ALONE),
    ],
)
def test_the_rule(cores, limit, hidden, training, expected, monkeypatch):
    use(monkeypatch, cores, limit)
    assert chosen(hidden, training=training) == expected


class Own(Tanh):
    """An activation that the second process could not be sent."""


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": []},
        {"activation": Maxout()},
        {"activation": Own()},
        {"optimizer": OPTIMIZERS["muon"]()},
        {"optimizer": OPTIMIZERS["lbfgs"]()},
        {"augment": Distort(shift=1.0)},
        {"training": {"vat": 1.0}},
    ],
    ids=str,
)
def test_what_two_processes_cannot_do_is_done_by_one(changes, two_cores):
    assert chosen(**changes).processes == 1


def test_a_mode_that_a_key_asks_for_is_kept_without_a_warning(caplog):
    """Modules of the user's own are imported by both processes then."""
    experiment = Experiment(activation=Own(), training=Training(processes=2))
    assert mode_of(experiment, DATA, experiment.build_network(784, 10, drawn=False).layers, TOGETHER) == TOGETHER
    assert not caplog.records


@two_processes
def test_augmentation_of_large_networks_is_shared(two_cores):
    assert chosen([1000, 500], augment=Distort(shift=1.0), training={"batch_size": 128}) == TOGETHER


def test_initial_weights_do_not_depend_on_the_threads_at_hand():
    """A run of the command line is drawn before its mode is known, its rerun within it: a QR of this size differs."""
    experiment, params = Experiment(model=MLP(hidden=[512]), init=Orthogonal(), training=Training(dtype="float64")), []
    for threads in (1, 2):
        with blas_threads(threads):
            params.append(untrained(experiment, DATA).params.tobytes())
    assert params[0] == params[1]


def test_one_process_in_a_pool_and_within_another_program(two_cores, monkeypatch):
    monkeypatch.setattr(auto_mode, "is_pool_worker", lambda: True)
    assert chosen() == ALONE
    monkeypatch.undo()
    use(monkeypatch, 2)
    monkeypatch.setattr(sys, "executable", "/usr/bin/blender")
    assert not machine.starts_python()
    assert chosen() == ALONE


def test_a_worker_of_a_pool_knows_it():
    assert not machine.is_pool_worker()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(machine.is_pool_worker).result()


def test_another_spelling_is_the_same_experiment():
    auto, one, two = (identify(Experiment(training=Training(processes=n)), "data").fingerprint for n in ("auto", 1, 2))
    assert auto == one != two


@pytest.mark.parametrize("wrong", [0, 3, "two", True, None, 1.0, []])
def test_processes_are_auto_or_one_or_two(wrong):
    with pytest.raises(ConfigError, match=r"training\.processes = .*must be auto, 1 or 2"):
        Training(processes=wrong)


SCRIPT = """
from mnist_np import Experiment, MLP, Synthetic, Training, run
from mnist_np.nn.activations import Tanh
from mnist_np.training import auto_mode
auto_mode.pays = lambda *_: True
auto_mode.cores = auto_mode.present = lambda: 2
class Own(Tanh):
    pass
data, model = Synthetic(examples=400, validation_size=112), MLP(hidden=[20, 9])
print("began")
print(run(Experiment(model=model, data=data, training=Training(epochs=2))).mode)
print(run(Experiment(model=model, data=data, training=Training(epochs=2), activation=Own())).mode.processes)
try:
    run(Experiment(model=model, data=data, training=Training(epochs=2, processes=2), activation=Own()))
except ValueError as error:
    print(error)
"""


@two_processes
def test_a_program_without_a_guard_is_run_once(tmp_path):
    """The second process imports this package and not the program."""
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(machine.__file__).parents[1])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "began",
        str(TOGETHER),
        "1",
        "training.processes = 2: must be 1 with Own of the program itself, which the second process cannot import: see plugins",
    ]
