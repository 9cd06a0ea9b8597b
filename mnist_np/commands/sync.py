"""`python scripts/sync.py FOLDER ...`: deliver to MLflow what a run could not deliver while it was away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mnist_np.commands.saved import basic_parser
from mnist_np.files import near
from mnist_np.invocation import with_outputs
from mnist_np.terminal import print_error, printable
from mnist_np.tracking.background import TIMEOUT, BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger, lock
from mnist_np.tracking.own_files import DELIVERY_FILES, check_own
from mnist_np.tracking.own_store import store_for


def main() -> int:
    """Deliver all runs in the given folders. Gives 1 if there is one that could not be delivered, or none at all."""
    parser = basic_parser(__doc__)
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="a run's folder, or one that holds runs; without any it is listed what is pending",
    )
    parser.add_argument("--uri", help="the MLflow server to send to (default: the store in DIR, if the run was tracked there)")
    arguments = parser.parse_args()
    if not arguments.folders:
        return say_pending(arguments.outputs)
    failed, folders = 0, [run for folder in arguments.folders for run in runs_in(folder)]
    if not folders:
        print_error(f"no tracked run in {' '.join(map(str, arguments.folders))}")
        return 1
    for folder in folders:
        try:
            print(printable(f"{folder}: {sync(folder, arguments.outputs, arguments.uri)}"))
        except (TrackingError, OSError) as error:
            print_error(f"{folder}: {error}")
            failed += 1
    return 1 if failed else 0


def say_pending(outputs: Path) -> int:
    """List the runs in ``outputs`` that have something left to deliver, and say how."""
    waiting = []
    for folder in runs_in(outputs):
        ledger, journal = Ledger.read(folder), Journal(folder)
        if ledger and journal.size > ledger.offset:
            waiting.append(folder)
            print(printable(f"{folder}: {sum(1 for _ in journal.read(ledger.offset))} records for {ledger.uri}"))
    if not waiting:
        print(printable(f"nothing is pending: all tracked runs in {outputs} are delivered"))
        return 0
    runs = "1 run is" if len(waiting) == 1 else f"{len(waiting):,} runs are"
    print(printable(f"{runs} pending. This delivers them: {with_outputs('sync', outputs, near(outputs))}"))
    return 0


def sync(folder: Path, outputs: Path, uri: str | None = None) -> str:
    """Deliver what the run in ``folder`` has left, and say what was done.

    A run that is still training is left to its own process. To be repeated at will: nothing is logged twice.

    Args:
        folder: The run's folder. It may be somebody else's: only its own files are sent, and links in it are refused.
        outputs: The folder of all results, whose store a run within it is delivered to.
        uri: The store to deliver to instead.

    Raises:
        TrackingError: It cannot be delivered.
        OSError: A file cannot be read or written.
    """
    for name in DELIVERY_FILES:
        check_own(folder, name)
    ledger = Ledger.read(folder)
    if ledger is None:
        raise TrackingError("was never tracked, or tracking.json and journal.jsonl are lost")
    store = store_for(ledger, folder, outputs, uri)
    with lock(folder):
        journal = Journal(folder)
        journal.repair()
        conclude(journal, "its process ended without a word")
        delivery = Delivery(folder, journal, ledger, store)
        before, records = ledger.run_id, sum(1 for _ in journal.read(ledger.offset))
        BackgroundDelivery(delivery).complete(TIMEOUT)
    if before not in (None, ledger.run_id):
        return f"run {before} is not in the store any more: delivered anew as run {ledger.run_id}"
    if records and ledger.registered:
        return f"{records} records delivered to run {ledger.run_id}; registered: {ledger.registered}"
    return f"{records} records delivered to run {ledger.run_id}" if records else f"run {ledger.run_id} was complete already"


def runs_in(folder: Path) -> Iterator[Path]:
    """The folder itself if it is a tracked run's, else all such folders within."""
    names = ("tracking.json", "journal.jsonl")
    if any(os.path.exists(folder / name) for name in names):
        yield folder
    elif os.path.isdir(folder):
        yield from sorted({path.parent for name in names for path in folder.rglob(name)})
