"""Runs that a killed process left RUNNING in MLflow: found, and marked KILLED.

A living process holds the lock of its run's folder (`observer.lock`), and the system lets go of it however the process
ends. So a run that MLflow calls RUNNING and whose lock is free is dead. Runs of others are let be: a store may be shared by
several machines or ``outputs``, in which folders have the same names.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.tracking.background import TIMEOUT, BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.delivery import KEY, Delivery
from mnist_np.tracking.journal import Journal, Ledger, lock
from mnist_np.tracking.owner import OWNER, is_shared, read_owner
from mnist_np.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)

REASON = "its process was killed"


def mark_stale_runs(store: Store, experiment_ids: Sequence[str]) -> list[str]:
    """Mark the dead among the RUNNING runs and return their ids. Runs of one machine and ``outputs`` only.

    One that cannot be marked is left as it is.
    """
    running = store.client.search_runs(list(experiment_ids), "attributes.status = 'RUNNING'")
    dead = []
    for run in running:
        folder = store.outputs / run.data.tags.get("run_folder", "")
        try:
            if is_ours(store, folder, run) and mark_stale(store, folder, run.info.run_id):
                dead.append(run.info.run_id)
        except (TrackingError, OSError) as error:
            log.debug("%s may be dead: %s", folder, error)
    return dead


def is_ours(store: Store, folder: Path, run: Run) -> bool:
    """Whether it is the run of that folder: they have the same key. A sweep's parent has the key of
    its ``outputs``, which hold its folder; in their own database it needs none."""
    tags = run.data.tags
    if "run_folder" not in tags or not folder.is_dir():
        return False
    if ledger := Ledger.read(folder):
        return ledger.key == tags.get(KEY)
    outputs = store.outputs.resolve()
    own = not is_shared(store) or (OWNER in tags and tags[OWNER] == read_owner(store))
    return own and outputs in folder.resolve().parents


def mark_stale(store: Store, folder: Path, run_id: str) -> bool:
    """Mark the run in ``folder`` as KILLED unless its process is running; gives whether it was marked."""
    try:
        held = lock(folder)
    except TrackingError:
        return False
    with held:
        if store.client.get_run(run_id).info.status != "RUNNING":  # it ended while we were looking
            return False
        ledger = Ledger.read(folder)
        if ledger is not None and ledger.run_id in (None, run_id):  # what it had not delivered yet goes first
            ledger.run_id = run_id  # None: it was killed before it had the tracker's answer
            journal = Journal(folder)
            journal.repair()
            conclude(journal, REASON)
            BackgroundDelivery(Delivery(folder, journal, ledger, store)).complete(TIMEOUT)
        if store.client.get_run(run_id).info.status == "RUNNING":  # nothing is known of its end
            store.client.set_tag(run_id, "status", "killed")
            store.client.set_terminated(run_id, "KILLED")
    return True
