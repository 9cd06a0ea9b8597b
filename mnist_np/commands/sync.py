"""`python scripts/sync.py FOLDER ...`: deliver to MLflow what a run could not deliver while it was away."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from mnist_np.tracking.background import BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import lock
from mnist_np.tracking.store import Store

PATIENCE = 20.0
"""Seconds to wait for a tracker that takes nothing, or for a locked database."""


def main() -> int:
    """Deliver all runs in the given folders. Gives 1 if there is one that could not be delivered, or none at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a run's folder, or one that holds runs")
    parser.add_argument("--uri", help="another address of the same MLflow store (default: the one of the run)")
    arguments = parser.parse_args()
    failed, folders = 0, [run for folder in arguments.folders for run in runs_in(folder)]
    if not folders:
        print(f"error: no tracked run in {' '.join(map(str, arguments.folders))}", file=sys.stderr)
        return 1
    for folder in folders:
        try:
            print(f"{folder}: {sync(folder, arguments.uri)}")
        except (TrackingError, OSError) as error:
            print(f"error: {folder}: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def sync(folder: Path, uri: str | None = None) -> str:
    """Deliver what the run in ``folder`` has left, and say what was done. Raises TrackingError.

    A run that is still training is left to its own process. To be repeated at will: nothing is logged twice.
    """
    ledger = Ledger.read(folder)
    if ledger is None:
        raise TrackingError("was never tracked, or tracking.json and journal.jsonl are lost")
    with lock(folder):
        journal = Journal(folder)
        journal.repair()
        conclude(journal, "its process ended without a word")
        delivery = Delivery(folder, journal, ledger, Store(uri or ledger.uri, Path(ledger.outputs)))
        before, records = ledger.run_id, sum(1 for _ in journal.read(ledger.offset))
        BackgroundDelivery(delivery).complete(PATIENCE)
    if before not in (None, ledger.run_id):
        return f"run {before} is not in the store any more: delivered anew as run {ledger.run_id}"
    return f"{records} records delivered to run {ledger.run_id}" if records else f"run {ledger.run_id} was complete already"


def runs_in(folder: Path) -> Iterator[Path]:
    """The folder itself if it is a tracked run's, else all such folders within."""
    names = ("tracking.json", "journal.jsonl")
    if any((folder / name).exists() for name in names):
        yield folder
    else:
        yield from sorted({path.parent for name in names for path in folder.rglob(name)})
