"""Runs that a killed process left RUNNING in MLflow: found, and marked KILLED.

A living process holds the lock of its run's folder (`observer.lock`), and the system lets go of it however the process
ends. So a run that MLflow calls RUNNING and whose lock is free is dead. Runs whose folder is not on this machine are let be.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnist_np.tracking.background import BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import Journal, Ledger, lock
from mnist_np.tracking.store import Store

REASON = "its process was killed"

PATIENCE = 20.0
"""Seconds to wait for a tracker that takes nothing, or for a locked database."""


def mark_stale_runs(store: Store, experiment_ids: Sequence[str]) -> list[str]:
    """Mark the dead among the RUNNING runs and return their ids. Runs of one machine and ``outputs`` only."""
    running = store.client.search_runs(list(experiment_ids), "attributes.status = 'RUNNING'")
    dead = []
    for run in running:
        folder = store.outputs / run.data.tags.get("run_folder", "")
        if "run_folder" in run.data.tags and folder.is_dir() and mark_stale(store, folder, run.info.run_id):
            dead.append(run.info.run_id)
    return dead


def mark_stale(store: Store, folder: Path, run_id: str) -> bool:
    """Mark the run in ``folder`` as KILLED unless its process lives; gives whether it did."""
    try:
        held = lock(folder)
    except TrackingError:
        return False
    with held:
        if store.client.get_run(run_id).info.status != "RUNNING":  # it ended while we were looking
            return False
        ledger = Ledger.read(folder)
        if ledger is None or ledger.run_id != run_id:
            store.client.set_tag(run_id, "status", "killed")
            store.client.set_terminated(run_id, "KILLED")
        else:  # what it had not delivered yet goes first
            journal = Journal(folder)
            journal.repair()
            conclude(journal, REASON)
            BackgroundDelivery(Delivery(folder, journal, ledger, store)).complete(PATIENCE)
    return True
