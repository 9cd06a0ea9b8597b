"""The SQLite file of an MLflow store: made whole or not at all, and known again when it was deleted or replaced."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from uuid import uuid4

from mnist_np.sqlite_uri import PREFIX, sqlite_uri
from mnist_np.tracking import empty_store
from mnist_np.tracking.client import TrackingError, client, reconnect

log = logging.getLogger(__name__)

MAGIC = b"SQLite format 3\0"
"""What a SQLite file begins with."""

MIGRATIONS = "store/db_migrations/versions"
"""The folder of MLflow's package that has a file for each change of its tables."""

MARK = 784
"""SQLite's ``user_version``, which is there for such uses, of a store that is ready."""

USER_VERSION = slice(60, 64)
"""Where the header holds it."""

APPLICATION_ID = slice(68, 72)
"""Where the header holds SQLite's ``application_id``: a random number, given to each store that is made here."""

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, by the ends of their names. Another file's would be played into a new one."""

Identity = tuple[int, int, bytes]
"""Device, inode and application id: they tell a file from one of the same name that took its place.

The inode alone does not: a file system may give a new file that of the one deleted just before.
"""


_kept: dict[tuple[int, int], int] = {}
"""Device and inode -> a descriptor of the file, for `read_header`."""

_keeping = Lock()


def identity(path: Path) -> Identity | None:
    """Which file is there, if it is a store that is ready; None else. Takes microseconds and opens no connection."""
    try:
        header, status = read_header(path)
    except OSError:
        return None
    ready = header.startswith(MAGIC) and (int.from_bytes(header[USER_VERSION], "big") == MARK or is_marked_beside(path))
    return (status.st_dev, status.st_ino, header[APPLICATION_ID]) if ready else None


def read_header(path: Path) -> tuple[bytes, os.stat_result]:
    """The first 100 bytes of a file, and its status.

    The descriptor is kept as long as the file has a name. To close it would drop the locks that this process's own connections
    hold on the file (https://www.sqlite.org/howtocorrupt.html, 2.2): another process that closes its last connection would
    then delete the write-ahead log that is in use here.
    """
    with _keeping:
        for key, fd in list(_kept.items()):
            if not os.fstat(fd).st_nlink:
                os.close(_kept.pop(key))
        status = os.stat(path)
        if (status.st_dev, status.st_ino) not in _kept:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for its writer
            status = os.fstat(fd)
            _kept[status.st_dev, status.st_ino] = fd
        return os.pread(_kept[status.st_dev, status.st_ino], 100, 0), status


def is_marked_beside(path: Path) -> bool:
    """Whether the mark is still in the file beside this one, as it may be for a while where MLflow itself made the store."""
    if not path.with_name(f"{path.name}-wal").exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return bool(database.execute("PRAGMA user_version").fetchone()[0] == MARK)
    except sqlite3.Error:
        return False


def make_ready(path: Path) -> None:
    """Have MLflow make its tables if there is no store at ``path``. To be called by one process at a time.

    A new store is made under another name and then renamed, so that what a killed process or a full disk leaves half-made is
    never taken for a store. An empty file, and a store whose making was cut off, are put aside; nothing is deleted. Raises
    TrackingError where the file is none of MLflow's.
    """
    if identity(path):
        return
    if path.exists() and not is_blank(path):
        if not is_sqlite(path):
            raise TrackingError(
                f"{path} is damaged: it is not a SQLite database. Move it away; `sync` then delivers the runs anew"
            )
        try:
            client(sqlite_uri(path)).search_experiments(max_results=1)
            mark(path)
            return
        except Exception:
            if has_runs(path):
                raise
    if path.exists():
        aside = path.with_name(f"{path.name}.incomplete-{datetime.now():%Y-%m-%d-%H-%M-%S}")
        log.warning("%s is empty or half-made: a new MLflow store takes its place; it is kept as %s", path, aside.name)
        reconnect(sqlite_uri(path))  # closes what MLflow has tried
        os.replace(path, aside)
        remove(path, SIDE_FILES)
    build(path)


def build(path: Path) -> None:
    """A new store at ``path``. What a process that was killed left of one is taken away."""
    for left in path.parent.glob(f"{escape(path.name)}.new-*"):
        left.unlink()
    temporary = path.with_name(f"{path.name}.new-{uuid4().hex}")  # MLflow makes tables once for each address
    try:
        copied = empty_store.copy_to(temporary) and is_current(temporary)
        if not copied:
            remove(temporary, ("",))
        client(sqlite_uri(temporary)).search_experiments(max_results=1)
        reconnect(sqlite_uri(temporary))  # closes the file
        if not temporary.exists():
            raise TrackingError(f"this version of SQLAlchemy cannot use the path {path}: choose `outputs` without ?, % and #")
        if not copied:
            empty_store.keep(temporary)
        mark(temporary)
        remove(path, SIDE_FILES)
        os.replace(temporary, path)
    finally:
        remove(temporary, ("", *SIDE_FILES))
        remove_quoted_folder(path)
    reconnect(sqlite_uri(path))


def mark(path: Path) -> None:
    """Say in the file that the store is ready, and let readers (the UI) and writers not wait for each other."""
    with closing(sqlite3.connect(path, timeout=60)) as database:
        database.execute(f"PRAGMA application_id={secrets.randbits(31)}")
        database.execute(f"PRAGMA user_version={MARK}")
        database.execute("PRAGMA journal_mode=WAL")


def is_blank(path: Path) -> bool:
    """Whether the file is empty or has only zeros in it, as a crash of the machine may leave it."""
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            if any(block):
                return False
    return True


def is_sqlite(path: Path) -> bool:
    """Whether the file is a SQLite database."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def is_current(path: Path) -> bool:
    """Whether the store's tables are those of the MLflow that is installed, by its migrations; False where that does not show."""
    package = find_spec("mlflow")
    folders = package.submodule_search_locations if package else None
    migrations = [file.read_text(encoding="utf-8") for file in Path(*folders or [""], MIGRATIONS).glob("*.py")]
    revisions, followed = (
        {match[1] for text in migrations for match in re.finditer(rf"^{name} = [\"'](\w+)", text, re.MULTILINE)}
        for name in ("revision", "down_revision")
    )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return {row[0] for row in rows} == revisions - followed


def has_runs(path: Path) -> bool:
    """Whether the database has, or may have, any runs in it."""
    try:
        with closing(sqlite3.connect(path, timeout=60)) as database:
            return database.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
    except sqlite3.Error as error:
        return "no such table" not in str(error)


def remove(path: Path, ends: tuple[str, ...]) -> None:
    """Delete the files whose names are that of the database with these ends."""
    for end in ends:
        path.with_name(path.name + end).unlink(missing_ok=True)


def remove_quoted_folder(path: Path) -> None:
    """MLflow makes the folder that an address names, without undoing its quoting: take the empty one away again."""
    folder = Path(sqlite_uri(path).removeprefix(PREFIX)).parent
    with suppress(OSError):  # not empty, or not there
        while folder != path.resolve().parent and "%" in str(folder):
            folder.rmdir()
            folder = folder.parent
