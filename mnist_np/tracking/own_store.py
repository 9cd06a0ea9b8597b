"""The store that a run may be delivered to without a word from the user: that of the folder of all results it lies in."""

from __future__ import annotations

import shlex
from pathlib import Path

from mnist_np.sqlite_uri import sqlite_uri
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store, store_of


def store_for(ledger: Ledger, folder: Path, outputs: Path, uri: str | None = None) -> Store:
    """The store to deliver to: the one at ``uri``, or that of ``outputs``.

    A run's folder may come from anybody, so the server that it names is not spoken to unless the user names it too.

    Raises TrackingError where the run lies elsewhere or was tracked by another store, and the user does not say where to.
    """
    if uri is not None:
        return Store(uri, outputs)
    if outputs.resolve() not in folder.resolve().parents:
        raise TrackingError(f"is not in {outputs}, the folder of all results: name it (--outputs DIR), or a server (--uri)")
    own = store_of(Tracking(), outputs)
    if ledger.uri not in (own.uri, sqlite_uri(Path(ledger.outputs) / "mlflow.db")):  # the second if the folder was moved
        raise TrackingError(f"was tracked at {ledger.uri}. To send it there, say so: --uri {shlex.quote(ledger.uri)}")
    return own
