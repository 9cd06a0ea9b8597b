"""An empty store of MLflow in the user's cache folder: the first one takes MLflow's migrations (1.5 s), the next are copies."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from mnist_np.data.cache import cache_folder, is_private, written_by_me
from mnist_np.files import open_regular, write_atomically


def cached_file() -> Path | None:
    """Where the empty store of the MLflow that is installed is kept; None where nothing may be cached."""
    folder = cache_folder()
    return folder / f"mlflow-{version('mlflow')}.db" if folder and is_private(folder) else None


def copy_to(path: Path) -> bool:
    """Write the cached store to ``path``, which is new. False, and no file, where there is none or it is damaged."""
    cached = cached_file()
    try:
        if cached is None:
            return False
        with open(open_regular(cached), "rb") as file:
            if not written_by_me(os.fstat(file.fileno())):
                return False
            write_atomically(path, file.read())
        with closing(sqlite3.connect(path)) as database:
            if database.execute("PRAGMA quick_check").fetchone() == ("ok",):
                return True
    except (OSError, sqlite3.Error):
        pass
    path.unlink(missing_ok=True)
    return False


def keep(path: Path) -> None:
    """Cache a copy of a new store, without the default experiment: it names a folder for artifacts, and MLflow makes it anew."""
    cached = cached_file()
    if cached is None:
        return
    unable = (OSError, sqlite3.Error, AttributeError)  # SQLite before 3.36 may have no `serialize`
    with suppress(*unable), closing(sqlite3.connect(path)) as new, closing(sqlite3.connect(":memory:")) as copy:
        new.backup(copy)
        copy.execute("DELETE FROM experiments")
        copy.commit()
        cached.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(cached, copy.serialize())
        cached.chmod(0o600)
