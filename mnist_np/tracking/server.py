"""An MLflow server for a local store: started light, on this machine only, and ended with the process that started it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Server:
    """A server that answers at ``address`` and writes what it has to say into ``log``."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Until it ends, which it does not by itself. Raises TrackingError."""
        self.process.wait()
        raise TrackingError(f"the MLflow server has ended; {last_lines(self.log)}")


@contextmanager
def serving(uri: str, artifacts: Path, port: int, log: Path) -> Iterator[Server]:
    """A server of the store ``uri``, which runs until the context is left, or this process ends. Raises TrackingError."""
    command = [sys.executable, "-m", "mnist_np.tracking.supervisor"]
    command += [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", HOST, "--port", str(port), "--allowed-hosts", allowed(port), "--workers", "1"]
    command += ["--default-artifact-root", artifacts.resolve().as_uri(), "--artifacts-destination", str(artifacts)]
    package = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    with open(log, "wb") as output:
        # In a session of its own, so that Ctrl-C reaches us alone and we end it in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=DEFAULTS | dict(os.environ) | LIGHT | {"PYTHONPATH": package},
            start_new_session=True,
        )
    try:
        address = f"http://{HOST}:{port}"
        wait_for(process, address, log)
        yield Server(address, process, log)
    finally:
        assert process.stdin
        process.stdin.close()  # at which the supervisor ends the server
        process.wait()


def allowed(port: int) -> str:
    """The Host headers to answer to: MLflow compares them whole, with the port."""
    hosts = HOSTS.split(",")
    return ",".join([*hosts, *(f"{host}:{port}" for host in hosts)])


def wait_for(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Return when the server answers. Raises TrackingError if it ends before, or takes too long."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        if process.poll() is not None:
            raise TrackingError(f"the MLflow server ended at once; {last_lines(log)}")
        try:
            with urlopen(f"{address}/health", timeout=2):
                return
        except (URLError, OSError):
            sleep(0.2)
    raise TrackingError(f"the MLflow server did not answer within {PATIENCE:.0f} s; see {log}")


def last_lines(log: Path) -> str:
    """Where the log is, and how it ends."""
    tail = log.read_text(errors="replace").strip().splitlines()[-3:]
    return f"{log} ends with: {' / '.join(tail)}"


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
