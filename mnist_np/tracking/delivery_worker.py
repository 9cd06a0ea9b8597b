"""The process that delivers runs: ``python -m mnist_np.tracking.delivery_worker PIPE`` answers a run's requests.

It ends when the pipe does, and so with the run's process, however that one ends. Stops are left to that process, which starts
this one with all stop signals blocked.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from mnist_np.component import UserError
from mnist_np.tracking.access import Access
from mnist_np.tracking.client import TrackingError, reconnect
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.store import Store, first_line


class Requests(Access):
    """What the process can be asked to do."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.deliveries: dict[Path, Delivery] = {}

    def deliver(self, folder: Path, timeout: float) -> None:
        """Deliver what the journal in ``folder`` holds."""
        if folder not in self.deliveries:
            ledger = Ledger.read(folder)
            if ledger is None:
                raise TrackingError(f"{folder / 'tracking.json'} is missing")
            self.deliveries[folder] = self.delivery(folder, Journal(folder), ledger)
        self.deliveries[folder].deliver(timeout)


class Forwarding(QueueHandler):
    """Sends log records to the run's process, whose log they belong to."""

    def __init__(self, send: Callable[[object], None]) -> None:
        super().__init__(SimpleQueue())
        self.send = send

    def enqueue(self, record: logging.LogRecord) -> None:
        self.send(record)


def main() -> None:
    """Answer requests until the pipe ends, and then stop in the middle of one too: the run's process is gone, or has given up."""
    pipe, sending = Connection(int(sys.argv[1])), threading.Lock()
    store: Store = pipe.recv()
    waiting: SimpleQueue[tuple[str, tuple[object, ...]]] = SimpleQueue()
    idle = threading.Event()

    def send(answer: object) -> None:
        with sending:
            pipe.send(answer)

    def work() -> None:
        requests = Requests(store)
        while True:
            answer = answer_of(requests, *waiting.get())
            idle.set()
            send(answer)

    logging.getLogger().addHandler(Forwarding(send))
    threading.Thread(target=work, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            request = pipe.recv()
            idle.clear()
            waiting.put(request)
    if idle.is_set() and "mlflow" in sys.modules:
        reconnect(store.uri)
    os._exit(0)


def answer_of(requests: Requests, do: str, arguments: tuple[object, ...]) -> Exception | None:
    """What the request raises, as something that can be sent."""
    try:
        getattr(requests, do)(*arguments)
    except UserError as error:
        return error
    except OSError as error:
        if error.filename:
            return OSError(error.errno, error.strerror, error.filename)
        return TrackingError(first_line(error))
    except Exception as error:
        return TrackingError(first_line(error))
    return None


if __name__ == "__main__":
    main()
