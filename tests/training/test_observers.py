"""An observer that fails ends no training; what it failed by is told once, in a line where the cause lies outside the code."""

import errno

import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.training.events import Observer


@pytest.mark.parametrize(
    ("error", "text", "traceback"),
    [
        (OSError(errno.ENOSPC, "No space left"), "[Errno 28] No space left", False),
        (MemoryError(), "MemoryError", False),
        (ValueError("a mistake in the code"), "a mistake in the code", True),
        (AssertionError(), "AssertionError", True),
    ],
)
def test_what_is_told_of_an_observer_that_fails(error, text, traceback, caplog):
    class Failing(Observer):
        def on_epoch(self, event):
            raise error

    small = Synthetic(examples=32, validation_size=8, side=3)
    result = run(Experiment(model=MLP(hidden=[4]), data=small, training=Training(epochs=3)), [Failing()])
    assert (result.status, len(result.history)) == ("finished", 3)
    assert result.failures == [f"Failing.on_epoch failed: {text}"]
    (record,) = caplog.records
    assert record.getMessage() == f"{result.failures[0]} (training goes on)"
    assert bool(record.exc_info) == traceback
