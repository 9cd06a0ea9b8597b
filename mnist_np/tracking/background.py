"""Delivery on a thread of its own: whatever a tracker does, the training does not wait for it."""

from __future__ import annotations

import logging
import threading
from time import monotonic
from typing import Protocol

from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Journal
from mnist_np.tracking.store import Store

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between deliveries: epochs of milliseconds go to the tracker together."""

SHARE = 10
"""After a delivery that took t seconds there is none for SHARE * t: what it computes is a tenth of the time at most."""

LOCKED = 1.0
"""Seconds that a delivery during the training waits for a locked database."""

TIMEOUT = 20.0
"""Seconds to wait for a tracker that takes nothing, or for a locked database."""

LONGEST = 120.0
"""Seconds that the last delivery may take in all."""


class AnyDelivery(Protocol):
    """`Delivery`, or what has it made by another process."""

    journal: Journal
    store: Store

    @property
    def offset(self) -> int: ...
    def prepare(self) -> None: ...
    def deliver(self, timeout: float) -> None: ...
    def cancel(self) -> None: ...


class BackgroundDelivery:
    """Has ``delivery`` made while the run goes on. To be used by one thread, the run's."""

    def __init__(self, delivery: AnyDelivery) -> None:
        self.delivery = delivery
        self.next_attempt = 0.0
        self._thread: threading.Thread | None = None
        self._prepared = threading.Event()
        self._problem: Exception | None = None
        self._warned = False

    @property
    def running(self) -> bool:
        """Whether a delivery is under way."""
        return self._thread is not None and self._thread.is_alive()

    def attempt(self) -> None:
        """Begin a delivery, unless one is under way or was not long ago. Does not wait.

        A tracker that did not take the last one is warned of, once. Raises OSError where that one could not read or write the
        run's own files.
        """
        if self.running or monotonic() < self.next_attempt:
            return
        try:
            self._check()
        except TrackingError as error:
            self.warn(error)
        self._begin(LOCKED)

    def complete(self, timeout: float, preparation: float = LONGEST) -> None:
        """Deliver everything, and wait for it: as long as each ``timeout`` seconds bring something to the tracker.

        Half of them are for a locked database. Where another process delivers, it may take ``preparation`` seconds to import
        MLflow and to make the store.

        Raises:
            TrackingError: not all of it could be delivered; what was acknowledged is.
            OSError: a file of the run's folder cannot be read or written.
        """
        end = monotonic() + LONGEST
        self._wait(timeout, preparation, end)
        if not self.running:
            self._begin(timeout / 2)
            self._wait(timeout, preparation, end)
        if self.running:
            self.delivery.cancel()
            raise TrackingError(f"the MLflow store {self.delivery.store.uri} no longer accepts data, or too slowly")
        self._check()

    def warn(self, error: TrackingError) -> None:
        """Say once that the tracker does not take what it is sent."""
        if not self._warned:
            log.warning("%s. Training goes on; the metrics are kept in %s", error, self.delivery.journal.path)
        self._warned = True

    def _begin(self, timeout: float) -> None:
        self._thread = threading.Thread(target=self._deliver, args=(timeout,), daemon=True, name="delivery")
        self._thread.start()

    def _deliver(self, timeout: float) -> None:
        began = monotonic()
        try:
            try:
                self.delivery.prepare()
            finally:
                began = monotonic()
                self._prepared.set()
            self.delivery.deliver(timeout)
        except Exception as error:
            self._problem = error
        self.next_attempt = monotonic() + max(EVERY, SHARE * (monotonic() - began))

    def _wait(self, timeout: float, preparation: float, end: float) -> None:
        """Until the delivery under way is over, or has acknowledged nothing for ``timeout`` seconds, or ``end`` has come."""
        if self.running and not self._prepared.wait(preparation):
            return
        while self._thread is not None and self._thread.is_alive() and monotonic() < end:
            before = self.delivery.offset
            self._thread.join(min(timeout, max(0.0, end - monotonic())))
            if self.delivery.offset == before:
                return

    def _check(self) -> None:
        """Raise what the last delivery ended with."""
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem
