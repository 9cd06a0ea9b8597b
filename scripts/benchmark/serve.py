"""`mnist-np serve` beside `mlflow models serve` of the same logged model: latency and throughput over HTTP.

Each client sends one request after the other over a connection that stays open. The servers take turns: both run, and one is
asked. Clients and servers share the machine's cores.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
from numpy.testing import assert_allclose

from benchmark.cells import Cell, Row, Rows
from benchmark.children import clean_environment
from benchmark.measure import say
from benchmark.startup import SCRIPT
from mnist_np.tracking.server import free_port
from mnist_np.tracking.supervisor import end

CLIENTS = (1, 8)
BATCHES = (1, 100)
"""Images of a request."""

SECONDS = 3.0
"""That a server is asked for, in each round and each cell."""

PATIENCE = 60.0
"""Seconds that a server may take to start."""

SERVERS = {"mnist-np serve": "mnist-np", "mlflow models serve": "MLflow"}
"""The modes, and their short names in the table's head."""

START = Cell("serve", "start to first answer", 1, "none")
MEASURES = ("p50", "p95", "per request")
"""Latencies; and the time divided by the requests of all clients, from which the throughput follows."""


def cell_of(clients: int, batch: int, measure: str) -> Cell:
    return Cell("serve", f"{clients} clients, {measure}", batch, "none")


def measure_servers(rows: Rows, rounds: int) -> list[Cell]:
    """Measure all, unless ``rows`` have it; returns the cells that have rounds."""
    loads = [(clients, batch) for batch in BATCHES for clients in CLIENTS]
    cells = [cell_of(*load, measure) for load in loads for measure in MEASURES]
    if all(any(row.cell == cell for row in rows) for cell in cells):
        return cells
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports, starts = {}, {}
        bodies = {batch: images(batch) for batch in BATCHES}  # made before the clock runs, which is the servers' alone
        for name, command in commands(Path(folder)).items():
            began = perf_counter()
            ports[name] = stack.enter_context(running(command))
            answer(ports[name], bodies[1])
            starts[name] = 1000 * (perf_counter() - began)
            say(f"{name}: {starts[name]:.0f} ms from its start to its first answer")
        check_same(ports, bodies[max(BATCHES)])
        rows.add([Row.of(START, name, 1, [ms]) for name, ms in starts.items()])
        for clients, batch in loads:
            times: dict[str, list[tuple[float, ...]]] = {name: [] for name in ports}
            for number in range(rounds + 1):
                for name, port in ports.items():
                    found = asked(port, bodies[batch], clients, SECONDS if number else SECONDS / 3)
                    times[name] += [found] if number else []  # the first round is for warming up
            say(f"{clients} clients, {batch} images: {rounds} rounds")
            rows.add(
                [
                    Row.of(cell_of(clients, batch, measure), name, 1, [found[i] for found in times[name]])
                    for name in ports
                    for i, measure in enumerate(MEASURES)
                ]
            )
    return cells


def commands(folder: Path) -> dict[str, list[str]]:
    """Train a network with everything below ``folder``, and give the commands that serve it, still without their ports."""
    from mnist_np.tracking.journal import Ledger
    from mnist_np.tracking.settings import Tracking
    from mnist_np.tracking.store import store_of

    say("training the network")
    outputs = folder / "outputs"
    train = [str(SCRIPT), f"outputs={outputs}", "training.epochs=1", "tracking.figures=false"]
    subprocess.run([sys.executable, *train], env=clean_environment(), check=True, stdout=subprocess.DEVNULL, cwd=folder)
    (run,) = (outputs / "runs").glob("*/*")
    ledger, store = Ledger.read(run), store_of(Tracking(), outputs)
    assert ledger
    (model,) = store.client.search_logged_models([str(ledger.experiment_id)])
    os.environ["MLFLOW_TRACKING_URI"] = store.uri
    return {
        "mnist-np serve": [str(SCRIPT.with_name("serve.py")), str(run), "--port"],
        "mlflow models serve": ["-m", "mlflow", "models", "serve", "-m", model.model_uri, "--env-manager", "local", "--port"],
    }


def images(n: int) -> bytes:
    """A request with the first n test images, four decimals a pixel."""
    from mnist_np.data.sources import MNIST

    X = MNIST().load(np.random.default_rng(0)).test.X[:n]
    return json.dumps({"inputs": [[round(float(x), 4) for x in row] for row in X]}).encode()


@contextmanager
def running(command: Sequence[str]) -> Iterator[int]:
    """The port on which a command serves, as soon as it is healthy; ended with all its processes."""
    port = free_port(None)
    environment = clean_environment(1) | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # MLflow calls uvicorn
    process = subprocess.Popen(
        [sys.executable, *command, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    try:
        for _ in range(int(PATIENCE / 0.02)):
            if is_healthy(port):
                break
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with code {process.returncode}")
            sleep(0.02)
        yield port
    finally:
        end(process)


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def answer(port: int, body: bytes, connection: http.client.HTTPConnection | None = None) -> bytes:
    """What a server says to a request, on a connection of its own or on one that is open."""
    opened = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    opened.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    response = opened.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(f"port {port} answered {response.status}: {content[:200]!r}")
    if connection is None:
        opened.close()
    return content


def check_same(ports: dict[str, int], body: bytes) -> None:
    """That all servers give the same probabilities: else they would not do the same work."""
    ours, theirs = (json.loads(answer(ports[name], body)) for name in SERVERS)
    assert_allclose(ours["probabilities"], theirs["predictions"], atol=1e-6)


def asked(port: int, body: bytes, clients: int, seconds: float) -> tuple[float, float, float]:
    """The values of `MEASURES`, in ms, of a server that so many clients ask for so long."""
    latencies: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        while perf_counter() < end:
            sent = perf_counter()
            answer(port, body, connection)
            latencies.append(1000 * (perf_counter() - sent))
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = perf_counter()
    end = began + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = 1000 * (perf_counter() - began)
    return float(np.percentile(latencies, 50)), float(np.percentile(latencies, 95)), wall / len(latencies)


def table(rows: Sequence[Row]) -> str:
    """A line for each number of clients and of images; of each server latencies, and the images that it answers in a second."""
    middle = {(row.cell, row.mode): row.ms_median for row in rows}
    head = ["clients", "images a request"]
    for short in SERVERS.values():
        head += [f"{short}: p50", "p95", "images/s"]
    lines = [head, ["---:"] * len(head)]
    for batch in BATCHES:
        for clients in CLIENTS:
            line = [str(clients), str(batch)]
            for name in SERVERS:
                p50, p95, each = (middle[cell_of(clients, batch, measure), name] for measure in MEASURES)
                line += [f"{p50:.1f} ms", f"{p95:.1f} ms", f"{1000 * batch / each:,.0f}"]
            lines.append(line)
    start = " and ".join(f"{middle[START, name] / 1000:.1f} s ({short})" for name, short in SERVERS.items())
    written = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{written}\n\nFrom the command to the first answer: {start}."
