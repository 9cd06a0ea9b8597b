"""Promise: the UI's server ends with `ui.py`, however that ends, and the port is free again."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in Linux's /proc"),
]

UI = Path(__file__).parents[2] / "scripts" / "ui.py"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("outputs")
    store_of(Tracking(), outputs).experiment_id("mnist-np")
    return outputs


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def of_server(outputs):
    """Process ids of everything that was started to serve ``outputs``."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            words = (path / "cmdline").read_bytes().split(b"\0") if path.name.isdigit() else []
        except OSError:
            continue
        if b"server" in words and any(str(outputs).encode() in word for word in words):
            found.append(int(path.name))
    return found


def command(outputs, port):
    return [sys.executable, str(UI), "--no-browser", "--outputs", str(outputs), "--port", str(port)]


def assert_all_gone(outputs, port):
    deadline = time.monotonic() + 15
    while of_server(outputs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not of_server(outputs)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


ENDS = {
    "SIGKILL": lambda process: process.kill(),
    "SIGTERM": lambda process: process.terminate(),
    "SIGHUP": lambda process: process.send_signal(signal.SIGHUP),
    "SIGKILL of the group": lambda process: os.killpg(process.pid, signal.SIGKILL),
    "SIGTERM of the group": lambda process: os.killpg(process.pid, signal.SIGTERM),
}


@pytest.mark.parametrize("started", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["serving", "starting"])
@pytest.mark.parametrize("how", [pytest.param(how, marks=[] if how == "SIGKILL" else pytest.mark.slow) for how in ENDS])
def test_nothing_is_left_of_the_server(how, started, outputs, port):
    process = subprocess.Popen(
        command(outputs, port), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        last = "Ctrl-C" if started else "The MLflow UI is starting"
        assert any(line.startswith(last) for line in process.stdout)
        while not of_server(outputs):
            time.sleep(0.01)
        ENDS[how](process)
        rest, _ = process.communicate(timeout=30)
        assert "Traceback" not in rest
        assert_all_gone(outputs, port)
    finally:
        process.kill()
        process.wait()


def test_a_closed_terminal_ends_it(outputs, port):
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as in a terminal; under nohup it would be ignored
        os.execv(sys.executable, command(outputs, port))
    text = b""
    while b"Ctrl-C" not in text:
        text += os.read(terminal, 1024)
    assert of_server(outputs)
    os.close(terminal)
    os.waitpid(pid, 0)
    assert_all_gone(outputs, port)


def test_a_server_that_is_killed_ends_the_ui(outputs, port):
    process = subprocess.Popen(command(outputs, port), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert any(line.startswith("Ctrl-C") for line in process.stdout)
    for pid in of_server(outputs):
        if b"supervisor" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "error: the MLflow server has ended" in rest
    assert_all_gone(outputs, port)
