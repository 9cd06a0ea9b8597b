"""Delivery by a process of its own: the import of MLflow (2 s of Python) goes on beside the training instead of before it.

The run sends requests through a pipe, and gets log records and then the answer to each (`delivery_worker.py`). Nothing here
imports what only that process needs.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.store import Store
from mnist_np.training.worker_process import start

if TYPE_CHECKING:
    from mnist_np.tracking.access import Access

CLOSING = 5.0
"""Seconds that the process may take to close its connections."""

WORKER = "mnist_np.tracking.delivery_worker"


def access(store: Store, separate: bool) -> Access | DeliveryProcess:
    """Access to ``store`` by this process, or by a separate one."""
    if separate:
        return DeliveryProcess(store)
    from mnist_np.tracking.access import Access

    return Access(store)


class DeliveryProcess:
    """Has ``store`` asked, as `Access` asks it, by a process that is started when it is needed, and again if it was lost."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.process: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    def check(self, experiment: str, registry: bool) -> None:
        self.ask("check", experiment, registry)

    def delivery(self, folder: Path, journal: Journal, ledger: Ledger) -> RemoteDelivery:
        return RemoteDelivery(folder, journal, ledger, self)

    def look_after(self, experiment_id: str) -> None:
        self.ask("look_after", experiment_id)

    def close(self) -> None:
        if self._asking.locked():
            self.kill()
        with self._asking:
            if self.process is not None:
                self._pipe.close()
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(CLOSING)
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ask(self, do: str, *arguments: object) -> None:
        """Have the process call a method of `delivery_worker.Requests`. Raises what that raises, TrackingError or OSError."""
        with self._asking:
            if self.process is None or self.process.poll() is not None:
                self._start()
            try:
                self._pipe.send((do, arguments))
                while isinstance(answer := self._pipe.recv(), logging.LogRecord):
                    logging.getLogger(answer.name).handle(answer)
            except (EOFError, OSError):
                self.kill()
                self._pipe.close()
                answer = TrackingError(f"the process that delivers to {self.store.uri} has ended")
        if answer is not None:
            raise answer

    def _start(self) -> None:
        self._pipe, its = Pipe()
        with its:
            self.process = start(WORKER, its.fileno(), [its.fileno()], subprocess.DEVNULL)
        with suppress(OSError):  # if it has ended already, the first request says so
            self._pipe.send(self.store)  # not in the command line, which everybody sees: there may be a password in the address


class RemoteDelivery:
    """The delivery of a run by ``process``, which keeps the ledger in the run's folder; used as a `Delivery` is."""

    def __init__(self, folder: Path, journal: Journal, ledger: Ledger, process: DeliveryProcess) -> None:
        self.folder, self.journal, self.ledger, self.process = folder, journal, ledger, process
        self.store = process.store
        ledger.start_again_if_lost(journal)

    @property
    def offset(self) -> int:
        ledger = Ledger.read(self.folder)
        return ledger.offset if ledger is not None else 0

    def prepare(self) -> None:
        self.process.check(self.ledger.experiment, registry=False)

    def deliver(self, timeout: float) -> None:
        self.process.ask("deliver", self.folder, timeout)

    def cancel(self) -> None:
        self.process.kill()
