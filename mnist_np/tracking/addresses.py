"""Where the UI of a store can be opened: an address that is known to show this store, or the command that opens one.

The UI of a SQLite store is a server that ``mnist-np ui`` starts, at whatever port is free. While it runs, it holds a lock in
the outputs folder and leaves its port there; without that lock no port of this machine is assumed to be its own.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mnist_np.files import near, write_atomically
from mnist_np.invocation import with_outputs
from mnist_np.storage.records import read_json
from mnist_np.terminal import counted
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store, store_of

HOST = "127.0.0.1"

NOTE, LOCK = "mlflow-ui.json", ".mlflow-ui.lock"
"""Files in the outputs folder: the running UI's port and machine, and the lock that it holds."""


@contextmanager
def announced(store: Store, port: int) -> Iterator[None]:
    """Tell other commands, for as long as the context lasts, that a UI of ``store`` runs at ``port``.

    A second UI of the same outputs is not told of.
    """
    note, lock = store.outputs / NOTE, FileLock(store.outputs / LOCK)
    try:
        lock.acquire(timeout=1)
    except (Timeout, OSError):
        yield
        return
    try:
        write_atomically(note, json.dumps({"uri": store.uri, "port": port, "host": platform.node(), "pid": os.getpid()}))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def sync_command(store: Store, folder: Path) -> str:
    """The command that delivers to ``store`` what the run, or the runs of the sweep, in ``folder`` could not."""
    is_own = store.uri == store_of(Tracking(), store.outputs).uri and store.outputs.resolve() in folder.resolve().parents
    return with_outputs("sync", store.outputs, near(folder), *([] if is_own else ["--uri", store.uri]))


def undelivered(store: Store, folder: Path, waiting: int, again: str) -> list[str]:
    """Lines for the console: what ``store`` has not got of the sweep in ``folder``, and the command that delivers it.

    Args:
        store: the store that did not take it.
        folder: the sweep's folder.
        waiting: how many of the sweep's runs are not delivered; these `sync` delivers.
        again: what makes the sweep again, where its own run was not brought up to date: `sync` knows of runs alone.
    """
    lines = []
    if again:
        lines.append(f"the sweep's own run in MLflow and its means are out of date. Update them later: {again}")
    if waiting:
        lines.append(f"not in MLflow yet: {counted(waiting, 'run')}. Deliver them later: {sync_command(store, folder)}")
    return lines


def address_of(store: Store) -> str | None:
    """The address of a UI of this store, with a slash at its end: that of its server, or of a UI that runs; None if none does."""
    if store.database is None:
        return f"{store.uri.rstrip('/')}/"
    note = read_json(store.outputs / NOTE)
    port = note.get("port")
    if note.get("uri") != store.uri or note.get("host") != platform.node() or not isinstance(port, int):
        return None
    try:
        with FileLock(store.outputs / LOCK, timeout=0):
            return None  # nobody holds it: the note is of a UI that was killed
    except Timeout:
        return f"http://{HOST}:{port}/"
    except OSError:
        return None


def ui_command(store: Store, run_id: str | None = None) -> str:
    """The command that opens the UI of this store, on a run if one is given."""
    run = ["--run", run_id] if run_id else []
    own = store.uri == store_of(Tracking(), store.outputs).uri
    database = [] if own or store.database is None else ["--database", near(store.database)]
    return with_outputs("ui", store.outputs, *run, *database)


def where_to_look(store: Store, pages: Mapping[str, str], run_id: str) -> list[str]:
    """Lines for the console: each page by its name and address, or the command that shows them all.

    Args:
        store: The store that holds the run.
        pages: Name -> page within MLflow's UI (see `links`).
        run_id: The run that the pages are about.
    """
    address = address_of(store)
    if address is None:
        return [f"in MLflow's UI: {ui_command(store, run_id)}"]
    width = max(map(len, pages), default=0) + 2
    return ["in MLflow's UI:", *(f"  {name:<{width}}{address}{page}" for name, page in pages.items())]
