"""Runs that are not delivered yet, since the tracker could not be reached when they trained."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mnist_np.tracking.background import TIMEOUT, BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger, locked
from mnist_np.tracking.store import Store


def deliver_pending(store: Store, folders: Iterable[Path], every: bool = False) -> list[Path]:
    """Deliver the runs in ``folders`` that have something left, until the store does not take one.

    Args:
        store: where they belong.
        folders: of runs that are over.
        every: also look whether the store still has the runs that were delivered, and make them anew if not.

    Returns:
        The folders of the runs that are not delivered.
    """
    left, taken = [], True
    for folder in folders:
        ledger, journal = Ledger.read(folder), Journal(folder)
        if ledger is None or (journal.size <= ledger.offset and not every):
            continue
        try:
            if taken:
                with locked(folder):
                    BackgroundDelivery(Delivery(folder, journal, ledger, store)).complete(TIMEOUT)
        except TrackingError:
            taken = False
        except OSError:
            left.append(folder)
        if not taken:
            left.append(folder)
    return left
