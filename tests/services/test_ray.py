"""A Ray cluster of this machine alone, started as anybody would, with a sweep on it.

Ray's launcher needs older packages than ours, so this wants a virtual environment of its own: `.ci/ray` makes one.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep

import pytest

from mnist_np.tracking.server import free_port

pytest.importorskip("ray", reason="needs ray, in an environment of its own: see .ci/ray")
pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="needs Ray's launcher, in an environment of its own: see .ci/ray")
pytestmark = pytest.mark.service
PATIENCE = 90.0


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of two CPUs, started in another folder than the sweep's, which ends with the test."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    address = f"127.0.0.1:{free_port(None)}"
    # Not pytest's folder: a socket's path must be short. ``ray stop`` would end all of the machine's; ``--block`` ends its own.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [Path(sys.executable).parent / "ray", "start", "--head", "--num-cpus=2", "--block", f"--temp-dir={folder}/t"]
        command += ["--node-ip-address=127.0.0.1", f"--port={address.partition(':')[2]}", "--include-dashboard=false"]
        log = Path(folder) / "said.txt"
        with log.open("wb") as said:
            head = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, start_new_session=True)
        try:
            end = monotonic() + PATIENCE
            while "Ray runtime started" not in log.read_text():
                assert head.poll() is None, log.read_text()
                assert monotonic() < end, log.read_text()
                sleep(0.2)
            monkeypatch.setenv("RAY_ADDRESS", address)
            yield address
        finally:
            head.terminate()  # it ends what it has started
            try:
                head.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(head.pid, signal.SIGKILL)
                head.wait()


@pytest.mark.usefixtures("cluster")
def test_a_cluster_finishes_all_runs_under_one_parent(sweep, kept):
    said = sweep("hydra/launcher=ray_cluster", "seed=range(3)")
    assert "Connected to Ray cluster" in said
    kept().check(3)
