"""A tracker that hangs or is slow holds up nothing but the end of a run, and that for a bounded time."""

import threading
import time

import pytest

from mnist_np.tracking import background
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.deadline import within
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of


class Hanging:
    """A delivery that acknowledges a record every ``pace`` seconds, and is never done."""

    def __init__(self, folder, pace):
        self.journal, self.ledger = Journal(folder), Ledger("sqlite:///x", "outputs", "mnist", "key")
        self.store = store_of(Tracking(), folder)
        self.pace, self.began, self.cancelled = pace, 0, threading.Event()

    @property
    def offset(self):
        return self.ledger.offset

    def prepare(self):
        pass

    def deliver(self, timeout):
        self.began += 1
        while not self.cancelled.wait(self.pace):
            self.ledger.offset += 1

    def cancel(self):
        self.cancelled.set()


def test_a_tracker_that_hangs_holds_up_nothing_but_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "EVERY", 0)
    delivery = Hanging(tmp_path, pace=100)
    late = background.BackgroundDelivery(delivery)
    began = time.monotonic()
    for _ in range(100):
        late.attempt()
    assert delivery.began == 1
    assert time.monotonic() - began < 0.5
    with pytest.raises(TrackingError, match="no longer accepts data, or too slowly"):
        late.complete(timeout=0.5)
    assert 0.5 <= time.monotonic() - began < 2
    assert delivery.cancelled.is_set()


def test_a_tracker_that_is_slow_is_waited_for_as_long_as_something_comes_of_it_and_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "LONGEST", 2.0)
    late = background.BackgroundDelivery(Hanging(tmp_path, pace=0.05))
    began = time.monotonic()
    with pytest.raises(TrackingError, match="too slowly"):
        late.complete(timeout=0.3)
    assert 1.9 <= time.monotonic() - began < 4


def test_a_delivery_that_took_long_is_not_soon_repeated(tmp_path):
    """What a tracker computes in this process costs the training a tenth at most."""
    delivery = Hanging(tmp_path, pace=100)
    late = background.BackgroundDelivery(delivery)
    late.attempt()
    time.sleep(0.2)
    delivery.cancel()
    while late.running:
        time.sleep(0.01)
    assert late.next_attempt - time.monotonic() > 1.0


def test_what_is_asked_is_bounded_as_a_whole():
    assert within(5, lambda: 42, "it") == 42
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0, "it")
    began = time.monotonic()
    with pytest.raises(TrackingError, match=r"it has not answered within 0\.2 s"):
        within(0.2, lambda: time.sleep(30), "it")
    assert time.monotonic() - began < 2
