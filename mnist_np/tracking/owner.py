"""The owner of a sweep, in a store that several people or machines share.

The same sweep has the same id everywhere. So that each has a parent run, children and views of its own in MLflow, the tag
``sweep`` is that id alone in the database of its own ``outputs``, and ``<id>-<owner>`` in any other store. The owner is a random
key in a file of ``outputs``: it moves with them, and is the same on all machines that share them.
"""

from __future__ import annotations

import re
import secrets

from mnist_np.files import read_regular, write_atomically
from mnist_np.tracking.store import Store

FILE = ".mlflow-owner"
SWEEP, OWNER = "sweep", "owner"
"""Tags of the runs of a sweep; the second in a shared store only."""


def is_shared(store: Store) -> bool:
    """Whether others may use the store too: it is no database within its ``outputs``."""
    return store.database is None or store.outputs.resolve() not in store.database.resolve().parents


def read_owner(store: Store) -> str | None:
    """The key of the store's ``outputs``, if they have one."""
    try:
        text = read_regular(store.outputs / FILE, 100).decode("ascii", "replace")
    except OSError:
        return None
    return text if re.fullmatch(r"[0-9a-f]{12}", text) else None


def owner_of(store: Store) -> str:
    """The key of the store's ``outputs``, made if need be. Not to be called while the store's lock is held."""
    if (found := read_owner(store)) is not None:
        return found
    store.outputs.mkdir(parents=True, exist_ok=True)
    with store.lock:
        if (found := read_owner(store)) is None:
            found = secrets.token_hex(6)
            write_atomically(store.outputs / FILE, found)
    return found


def sweep_tags(store: Store, sweep_id: str) -> dict[str, str]:
    """The tags that say of which sweep, and whose, a run is in the store."""
    if not is_shared(store):
        return {SWEEP: sweep_id}
    owner = owner_of(store)
    return {SWEEP: f"{sweep_id}-{owner}", OWNER: owner}
