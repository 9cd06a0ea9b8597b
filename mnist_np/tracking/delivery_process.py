"""Delivery by a process of its own: the import of MLflow (2 s of Python) runs beside the training instead of before it.

The run writes a line of JSON for each request to the process's standard input and reads lines until the answer. The process
ends when its input ends, which it does with the run's process, however that one ends.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mnist_np.tracking.client import TrackingError, import_client, reconnect
from mnist_np.tracking.deadline import ask
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.index import look_after
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.registry import check_store
from mnist_np.tracking.store import Store
from mnist_np.training.interrupt import signals_blocked

log = logging.getLogger(__name__)

CLOSING = 5.0
"""Seconds that the process may take to close its connections."""


class DeliveryProcess:
    """The process that asks ``store`` for us. It is started at once, and again if it was lost."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.process: subprocess.Popen[str] | None = None
        self.ready = threading.Event()
        self._asking = threading.Lock()
        self._start()

    def _start(self) -> subprocess.Popen[str]:
        """Start the process, which begins with the import of MLflow."""
        self.ready.clear()
        package = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        with signals_blocked():  # Ctrl-C reaches it too, and is ours to answer
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, self.store.uri, str(self.store.outputs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=dict(os.environ) | {"PYTHONPATH": package},
                text=True,
                encoding="utf-8",
            )
        return self.process

    def ask(self, do: str, **content: Any) -> None:
        """Have `Requests` do something. Raises what that raises, TrackingError or OSError."""
        with self._asking:
            process = self.process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps({"do": do} | content) + "\n")
                process.stdin.flush()
                for line in process.stdout:
                    answer = json.loads(line)
                    if "log" in answer:
                        log.log(answer["level"], "%s", answer["log"])
                    elif "ready" in answer:
                        self.ready.set()
                    else:
                        break
                else:
                    answer = None
            except (BrokenPipeError, ValueError):  # it was lost, or ended by `kill`
                answer = None
            if answer is None:
                self.kill()
                raise TrackingError(f"the process that delivers to {self.store.uri} has ended")
        raise_error(answer)

    def kill(self) -> None:
        """End the process at once."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            with suppress(OSError), process:  # which closes the pipes and waits
                pass
        self.ready.set()  # nobody is to wait for it

    def close(self) -> None:
        """Let the process end, if it has nothing to do; else end it."""
        if self.process is not None and not self._asking.locked():
            with suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self.process.communicate(timeout=CLOSING)
        self.kill()


class RemoteDelivery(Delivery):
    """The delivery of a run by ``process``."""

    def __init__(self, folder: Path, journal: Journal, ledger: Ledger, process: DeliveryProcess) -> None:
        super().__init__(folder, journal, ledger, process.store)
        self.process = process

    @property
    def offset(self) -> int:
        """How far the tracker has acknowledged the journal; the process writes it into the folder."""
        ledger = Ledger.read(self.folder)
        return ledger.offset if ledger is not None else 0

    def deliver(self, patience: float) -> None:
        self.process.ask("deliver", folder=str(self.folder), patience=patience)

    def cancel(self) -> None:
        self.process.kill()

    def wait_until_ready(self, seconds: float) -> None:
        self.process.ready.wait(seconds)


def raise_error(answer: dict[str, Any]) -> None:
    """Raise the error that the answer tells of, if it does."""
    if "tracking" in answer:
        raise TrackingError(answer["tracking"])
    if "os" in answer:
        raise OSError(*answer["os"])


class Requests:
    """What the process can be asked to do."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.deliveries: dict[str, Delivery] = {}

    def check(self, experiment: str, registry: bool = False) -> None:
        """Find the experiment or make it, and see that there is a registry if one is needed."""
        ask(self.store, lambda: check_store(self.store, experiment, registry))

    def deliver(self, folder: str, patience: float) -> None:
        """Deliver what the journal in ``folder`` holds."""
        if folder not in self.deliveries:
            ledger = Ledger.read(Path(folder))
            if ledger is None:
                raise TrackingError(f"{folder}/tracking.json is missing")
            self.deliveries[folder] = Delivery(Path(folder), Journal(Path(folder)), ledger, self.store)
        self.deliveries[folder].deliver(patience)

    def look_after(self, experiment_id: str) -> None:
        """Bring the experiment's page up to date, if nobody else holds the store."""
        if self.store.is_free(1.0):
            ask(self.store, lambda: look_after(self.store, experiment_id))


class Forwarding(logging.Handler):
    """Sends warnings to the run's process, whose log they belong to."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        self.send({"log": record.getMessage(), "level": record.levelno})


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def send(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    logging.getLogger("mnist_np").addHandler(Forwarding(send))
    store = Store(sys.argv[1], Path(sys.argv[2]))
    lines: SimpleQueue[str] = SimpleQueue()
    idle = threading.Event()
    threading.Thread(target=answer_all, args=(Requests(store), lines, idle, send), daemon=True).start()
    for line in sys.stdin:
        idle.clear()
        lines.put(line)
    if idle.is_set():
        reconnect(store.uri)
    os._exit(0)  # in the middle of a delivery too: the run's process is gone, or has given it up


def answer_all(
    requests: Requests, lines: SimpleQueue[str], idle: threading.Event, send: Callable[[dict[str, Any]], None]
) -> None:
    """Answer each of ``lines`` as it comes."""
    with suppress(Exception):  # which the first request meets again
        import_client()
        if requests.store.database is None or requests.store.file is not None:
            requests.store.client  # noqa: B018 (connects)
        else:  # to connect would make the database at its own place, where another process may be making it: not before asked
            import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
    send({"ready": True})
    while True:
        request = json.loads(lines.get())
        try:
            getattr(requests, request.pop("do"))(**request)
            answer: dict[str, Any] = {}
        except OSError as error:
            answer = {"os": [error.errno, error.strerror or str(error), error.filename]}
        except Exception as error:
            answer = {"tracking": str(error)}
        idle.set()
        send(answer)


if __name__ == "__main__":
    main()
