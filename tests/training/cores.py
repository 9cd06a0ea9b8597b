"""This machine as one of other numbers of cores."""

import platform

import pytest

from mnist_np.training import auto_mode
from mnist_np.training.mode import Mode

two_processes = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="needs x86's memory order")
ALONE = Mode(1, 1)
TOGETHER = Mode(2, 1)


def use(monkeypatch, cores, limit=None):
    """As on a machine with so many cores, of which BLAS may use ``limit``."""
    monkeypatch.setattr("mnist_np.engine.threads.cores", lambda: cores)
    monkeypatch.setattr("mnist_np.engine.threads.present", lambda: limit or cores)
    monkeypatch.setattr(auto_mode, "cores", lambda: cores)
    monkeypatch.setattr(auto_mode, "present", lambda: limit or cores)
