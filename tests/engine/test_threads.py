"""BLAS threads: chosen by the network's size, set for the time of a run and no longer, and recorded with its result."""

import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.engine import threads
from mnist_np.experiment import Experiment, Training
from mnist_np.training.events import Observer

LARGE, SMALL = 784 * 1024 + 1024 * 1024 + 1024 * 10, 784 * 32 + 32 * 10


class Witness(Observer):
    """Notes the BLAS threads in the middle of a run."""

    def on_epoch(self, event):
        self.seen = threads.present()


@pytest.mark.parametrize(("cores", "limit", "expected"), [(2, 2, 2), (8, 8, 8), (8, 1, 1), (1, 4, 1)])
def test_auto_takes_the_cores_that_blas_may_use(monkeypatch, cores, limit, expected):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    monkeypatch.setattr(threads, "present", lambda: limit)
    assert threads.choose("auto", LARGE, 128) == expected
    assert threads.choose("auto", SMALL, 128) == 1
    assert threads.choose(3, SMALL, 1) == 3


def test_a_run_has_its_threads_and_leaves_none_behind():
    before, witness = threads.present(), Witness()
    result = run(Experiment(data=Synthetic(), training=Training(epochs=1, threads=2)), [witness])
    assert (witness.seen, result.mode.threads, threads.present()) == (2, 2, before)


@pytest.mark.parametrize("wrong", ["many", 0, -1, 1.5, True, None])
def test_threads_must_be_a_number_or_auto(wrong):
    with pytest.raises(ConfigError, match=r"training\.threads = .*auto"):
        Training(threads=wrong)


def test_processes_have_one_thread_each():
    assert Training(threads=1, processes=2).processes == 2
    with pytest.raises(ConfigError, match="each has one thread"):
        Training(threads=2, processes=2)
