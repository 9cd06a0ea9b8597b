"""An MLflow server for a local store: started light, on this machine only, and ended with the process that started it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import Request, urlopen

from mnist_np.tracking.addresses import HOST
from mnist_np.tracking.client import DEFAULTS, TrackingError
from mnist_np.training.worker_process import search_path

DEFAULT_PORT = 5000

HOSTS = "localhost,127.0.0.1,[::1]"
"""Host headers that the server answers to (with any port): another site cannot reach it through the browser."""

TIMEOUT = 90.0
"""Seconds that a server may take to answer for the first time."""

LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Leaves out the processes that run jobs of MLflow's own: 0.5 GB instead of 1.4, and two seconds sooner."""


@dataclass(frozen=True)
class Server:
    """A server that answers at ``address`` and writes its output to ``log``."""

    address: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Until it ends, which it does not by itself. Raises TrackingError."""
        self.process.wait()
        raise TrackingError(f"the MLflow server has ended; {last_lines(self.log)}")

    def end(self) -> None:
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()  # at which the supervisor ends the server
        self.process.wait()


@contextmanager
def serving(uri: str, artifacts: Path, port: int | None, log: Path) -> Iterator[Server]:
    """A server of the store ``uri``, which runs until the context is left, or this process ends.

    Without a ``port`` it is 5000 or, if that is taken, any free one. Raises TrackingError.
    """
    wanted = free_port(port)
    try:
        server = start(uri, artifacts, wanted, log)
    except TrackingError:
        if port is not None or is_free(wanted):
            raise
        server = start(uri, artifacts, free_port(None), log)  # another program took it in the meantime
    try:
        yield server
    finally:
        server.end()


def start(uri: str, artifacts: Path, port: int, log: Path) -> Server:
    """Start a server and return when it answers. Raises TrackingError."""
    name = f"{secrets.token_hex(8)}.localhost"
    command = [sys.executable, "-m", "mnist_np.tracking.supervisor"]
    command += [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", HOST, "--port", str(port), "--allowed-hosts", f"{allowed(port)},{name}", "--workers", "1"]
    command += ["--default-artifact-root", artifacts.resolve().as_uri(), "--artifacts-destination", str(artifacts)]
    with open(log, "wb") as output:
        # In a session of its own, so that Ctrl-C reaches us alone and we end it in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=DEFAULTS | dict(os.environ) | LIGHT | search_path(),
            start_new_session=True,
        )
    server = Server(f"http://{HOST}:{port}", port, process, log)
    try:
        wait_for(process, server.address, log, name)
    except BaseException:
        server.end()
        raise
    return server


def allowed(port: int) -> str:
    """The Host headers to answer to: MLflow compares them whole, with the port."""
    hosts = HOSTS.split(",")
    return ",".join([*hosts, *(f"{host}:{port}" for host in hosts)])


def wait_for(process: subprocess.Popen[bytes], address: str, log: Path, name: str | None = None) -> None:
    """Return when the server answers.

    Args:
        process: The server's process.
        address: Its address.
        log: The file that it writes to.
        name: A host name that this server alone answers to. Another server may have got the port first; it would answer too.

    Raises:
        TrackingError: it ended before, or takes too long.
    """
    request = Request(f"{address}/", headers={"Host": name}) if name else Request(f"{address}/health")
    deadline = monotonic() + TIMEOUT
    while monotonic() < deadline:
        if process.poll() is not None:
            raise TrackingError(f"the MLflow server ended at once; {last_lines(log)}")
        try:
            with urlopen(request, timeout=2):
                return
        except (URLError, OSError):
            sleep(0.2)
    raise TrackingError(f"the MLflow server did not answer within {TIMEOUT:.0f} s; see {log}")


def last_lines(log: Path) -> str:
    """Where the log is, and how it ends."""
    tail = log.read_text(errors="replace").strip().splitlines()[-3:]
    return f"{log} ends with: {' / '.join(tail)}"


def free_port(wanted: int | None) -> int:
    """``wanted`` itself, which must be free; without a wish 5000 or, if that is taken, any. Raises TrackingError."""
    if wanted is not None and not is_free(wanted):
        raise TrackingError(f"port {wanted} is taken: choose another with --port, or leave it out")
    if wanted or is_free(DEFAULT_PORT):
        return wanted or DEFAULT_PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        found: int = probe.getsockname()[1]
        return found


def is_free(port: int) -> bool:
    """Whether a server could listen at this port of this machine."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
