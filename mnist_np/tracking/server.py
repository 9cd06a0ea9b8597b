"""An MLflow server for a local store: started light, on this machine only, and ended with all its processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

from mnist_np.tracking.addresses import HOST
from mnist_np.tracking.client import DEFAULTS, TrackingError

HOSTS = "localhost,127.0.0.1,[::1]"
"""Host headers that the server answers to (with any port): another site cannot reach it through the browser."""

PATIENCE = 90.0
"""Seconds that a server may take to answer for the first time."""

LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Leaves out the processes that run jobs of MLflow's own: 0.5 GB instead of 1.4, and two seconds sooner."""


@contextmanager
def serving(uri: str, artifacts: Path, port: int, log: Path) -> Iterator[str]:
    """The address of a server of the store ``uri``, which runs until the context is left. Raises TrackingError."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", HOST, "--port", str(port), "--allowed-hosts", allowed(port), "--workers", "1"]
    command += ["--default-artifact-root", artifacts.resolve().as_uri(), "--artifacts-destination", str(artifacts)]
    with open(log, "wb") as output:
        # In a session of its own, so that Ctrl-C reaches us alone and we end it in order.
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=DEFAULTS | dict(os.environ) | LIGHT, start_new_session=True
        )
    try:
        address = f"http://{HOST}:{port}"
        wait_for(process, address, log)
        yield address
    finally:
        end(process)


def allowed(port: int) -> str:
    """The Host headers to answer to: MLflow compares them whole, with the port."""
    hosts = HOSTS.split(",")
    return ",".join([*hosts, *(f"{host}:{port}" for host in hosts)])


def wait_for(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Return when the server answers. Raises TrackingError if it ends before, or takes too long."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        if process.poll() is not None:
            tail = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise TrackingError(f"the MLflow server ended at once; {log} ends with: {' / '.join(tail)}")
        try:
            with urlopen(f"{address}/health", timeout=2):
                return
        except (URLError, OSError):
            sleep(0.2)
    raise TrackingError(f"the MLflow server did not answer within {PATIENCE:.0f} s; see {log}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End the server and the processes that it started: politely, and after five seconds by force."""
    for stop, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, stop)
        except (ProcessLookupError, PermissionError):  # macOS says so of a group that has ended but is not yet waited for
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    process.poll()


def free_port(wanted: int | None) -> int:
    """``wanted`` itself, which must be free; without a wish 5000 or, if that is taken, any. Raises TrackingError."""
    for port in [wanted] if wanted else [5000, 0]:
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise TrackingError(f"port {wanted} is taken: choose another with --port, or leave it out")
