"""Promise: long runs, and many runs in one process, keep to their memory, and close their files, threads and figures."""

import gc
import os
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from mnist_np.data.augment import Distort
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import Adam
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.single import execute, prepare
from mnist_np.tracking.settings import Tracking
from mnist_np.training.events import Observer

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux shows them"),
]


def resources():
    """Open files, threads, and bytes resident in memory.

    Files are counted for a while and the least is taken: the thread that delivers opens the store and the journal now and then.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = []
    for _ in range(20):
        files.append(len(os.listdir("/proc/self/fd")))
        time.sleep(0.02)
    return min(files), threading.active_count(), pages * os.sysconf("SC_PAGE_SIZE")


def config(folder, epochs, backend, figures=True):
    """Everything that could hold on to something takes part."""
    return RunConfig(
        model=MLP(hidden=[32, 16], dropout=0.1, norm="batch"),
        optimizer=Adam(),
        data=Synthetic(examples=256),
        augment=Distort(shift=1.0),
        training=Training(epochs=epochs, ema=0.99, mixup=0.2, diagnostics="epoch"),
        tracking=Tracking(backend=backend, figures=figures),
        outputs=str(folder),
    )


class Sampler(Observer):
    """Resources and Python's own memory ten times in ``epochs``."""

    def __init__(self, epochs):
        self.every, self.resources, self.traced = epochs // 10, [], []

    def on_epoch(self, event):
        if event.epoch % self.every:
            return
        gc.collect()
        self.resources.append(resources())
        self.traced.append(tracemalloc.get_traced_memory()[0])


@pytest.mark.parametrize(
    ("epochs", "backend"),
    [(30, "off"), pytest.param(200, "off", marks=pytest.mark.slow), pytest.param(200, "sqlite", marks=pytest.mark.slow)],
)
def test_memory_and_files_of_a_long_run_are_flat(epochs, backend, tmp_path, monkeypatch):
    sampler = Sampler(epochs)
    from mnist_np.sweep import single

    observers = single.observers
    monkeypatch.setattr(single, "observers", lambda *arguments: [*observers(*arguments), sampler])
    tracemalloc.start()
    result = execute(prepare(config(tmp_path, epochs, backend, figures=False), tmp_path / "runs/today/long"))
    tracemalloc.stop()
    assert (result.status, result.failures) == ("finished", [])
    settled, row = sampler.resources[1:], 6_000  # bytes of history: with diagnostics, an epoch has some seventy numbers
    assert len({files for files, _, _ in settled}) == 1, "open files"
    assert len({threads for _, threads, _ in settled}) == 1, "threads"
    assert sampler.traced[-1] - sampler.traced[1] < row * epochs + 300_000, "Python's memory"
    assert settled[-1][2] - settled[0][2] < 2 * row * epochs + 8e6, "resident memory"


def test_run_after_run_in_one_process_is_flat(tmp_path):
    """As a sweep's worker does, with all figures."""
    after = []
    for i in range(4):
        execute(prepare(config(tmp_path, 2, "off"), tmp_path / f"runs/today/{i}"))
        gc.collect()
        after.append(resources())
    assert after[-1][:2] == after[1][:2]
    assert after[-1][2] - after[1][2] < 16e6
