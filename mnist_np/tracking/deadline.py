"""A bound on all that is asked of a tracker: a server that sends a byte a second keeps within the time limits of each request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.store import Store

T = TypeVar("T")

ANSWER = 30.0
"""Seconds that a server may take for all that it is asked at a time, beside the delivery of runs."""


def ask(store: Store, do: Callable[[], T]) -> T:
    """What ``do`` returns, which asks ``store``. Raises TrackingError where that is a server and takes longer than `ANSWER`."""
    return do() if store.database is not None else within(ANSWER, do, f"the MLflow server {store.uri}")


def within(seconds: float, do: Callable[[], T], whose: str) -> T:
    """What ``do`` returns, called on a thread of its own.

    Args:
        seconds: how long to wait. The thread that takes longer is left behind; it does not keep the process from ending.
        do: what asks the tracker.
        whose: the tracker, for the message.

    Raises:
        TrackingError: it took longer. Otherwise what ``do`` raises.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(do())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=work, daemon=True, name="tracker").start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # it is the tracker's own
            raise
        raise TrackingError(f"{whose} has not answered within {seconds:g} s") from None
