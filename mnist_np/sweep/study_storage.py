"""Where a search keeps its studies: a file in the sweep's folder, or a database that ``sweep.search.storage`` names."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_np.component import ConfigError, RunFailed, UserError
from mnist_np.extras import install_command
from mnist_np.files import read_regular, write_atomically
from mnist_np.sqlite_uri import PREFIX, sqlite_path, sqlite_uri
from mnist_np.sweep.settings import Search
from mnist_np.sweep.space import import_optuna

if TYPE_CHECKING:
    from sqlalchemy import Engine

JOURNAL, DATABASE = "study.journal", "study.db"
"""Files of a sweep's folder; the second is that of searches which began before there were journals."""

KEY = "study.key"
"""File of a sweep's folder: what tells its studies from others of the same command in a database."""

TIMEOUT, CONNECT = 60, 10
"""Seconds to wait for another process that writes to the same SQLite file, and for a server to answer."""

LOCK = 5_093_721_846
"""Of a PostgreSQL database, while a process makes Optuna's tables there. Any number that others are not likely to use."""


@dataclass(frozen=True)
class StudyStorage:
    """Where a sweep's studies are.

    Attributes:
        where: a file (a journal, or a SQLite database if its name ends in ``.db``), or the URL of a database.
        prefix: what the names of the sweep's studies begin with there.
    """

    where: Path | str
    prefix: str = ""

    @classmethod
    def of(cls, search: Search, folder: Path) -> StudyStorage:
        """The storage of the sweep in ``folder``. A search that began in a SQLite file goes on there."""
        if search.storage:
            return cls(search.storage)
        journal, database = folder / JOURNAL, folder / DATABASE
        return cls(database if database.exists() and not journal.exists() else journal)

    def owned(self, folder: Path) -> StudyStorage:
        """The storage, with a prefix where others may use it too. To be called by one process at a time."""
        if isinstance(self.where, Path):
            return self
        try:
            key = read_regular(folder / KEY, 100).decode("ascii")
        except (OSError, ValueError):
            key = secrets.token_hex(4)
            write_atomically(folder / KEY, key)
        return replace(self, prefix=f"{folder.name}-{key}:")

    def exists(self, folder: Path) -> bool:
        """Whether the sweep in ``folder`` may have studies there; makes nothing."""
        return self.where.exists() if isinstance(self.where, Path) else (folder / KEY).exists()

    def open(self) -> Any:
        """The storage as Optuna takes it. Processes that write to it at the same time wait for each other."""
        storages = import_optuna().storages
        if isinstance(self.where, Path) and self.where.suffix != ".db":
            from mnist_np.sweep.journal import Journal

            return storages.JournalStorage(Journal(self.where))
        url = sqlite_uri(self.where) if isinstance(self.where, Path) else self.where
        with engine_of(url).begin() as connection:
            if not url.startswith(PREFIX):  # one process after the other makes the tables, if there are none
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            settings = {"connect_args": timeouts(url), "pool_pre_ping": True}
            return storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=settings)

    def names(self, storage: object) -> list[str]:
        """The names of the sweep's studies, without the prefix."""
        names = import_optuna().get_all_study_names(storage)
        return [name.removeprefix(self.prefix) for name in names if name.startswith(self.prefix)]

    def check(self) -> None:
        """Raise UserError, or ConfigError, where it cannot be used, or has something that is no storage of this Optuna.

        Makes nothing where there is nothing yet.
        """
        if isinstance(self.where, Path):
            anew = "; move the file away, and the search starts anew from the runs beside it"
            if not self.where.exists():
                return
        else:
            anew = ""
            if not tables_in(self.where):
                return
        try:
            if isinstance(self.where, Path) and self.where.suffix == ".db":
                check_sqlite(self.where)
            import_optuna().get_all_study_names(self.open())
        except OSError as error:
            raise UserError(f"{self.where}: {error.strerror}") from error
        except Exception as error:  # SQLite's, SQLAlchemy's, Alembic's and Optuna's own
            version = import_optuna().__version__
            raise UserError(f"{self.where}: is no study of Optuna {version} ({reason(error)}){anew}") from error

    @contextmanager
    def needed(self) -> Iterator[None]:
        """For work that cannot go on without the storage. Raises RunFailed, or an OSError with its path, where it is lost."""
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError) or not is_loss(error):
                raise
            raise RunFailed(f"{self.where}: {reason(error)}; the same command goes on with the search") from error


def tables_in(url: str) -> list[str]:
    """The names of a database's tables. Raises ConfigError where it cannot be reached, or holds others than Optuna's."""
    path = sqlite_path(url)
    if path is None and find_spec("psycopg") is None:
        raise ConfigError("sweep.search.storage", url, f"needs the package psycopg: {install_command('postgres')}")
    if path and not path.exists():
        if not path.absolute().parent.is_dir():
            raise ConfigError("sweep.search.storage", url, f"there is no folder {path.absolute().parent}")
        return []
    import sqlalchemy

    try:
        tables: list[str] = sqlalchemy.inspect(engine_of(url)).get_table_names()
    except Exception as error:
        raise ConfigError("sweep.search.storage", url, f"cannot be used ({reason(error)})") from error
    if tables and "version_info" not in tables:
        raise ConfigError("sweep.search.storage", url, f"holds other tables ({tables[0]}, ...): a database of its own is needed")
    return tables


def engine_of(url: str) -> Engine:
    """A way to the database that keeps no connection."""
    import sqlalchemy

    return sqlalchemy.create_engine(url, connect_args=timeouts(url), poolclass=sqlalchemy.NullPool)


def timeouts(url: str) -> dict[str, int]:
    """How long the driver waits: in SQLite for others that write, elsewhere for a server to answer."""
    return {"timeout": TIMEOUT} if url.startswith(PREFIX) else {"connect_timeout": CONNECT}


def check_sqlite(path: Path) -> None:
    """Raise ValueError, or sqlite3.Error, where the file is no SQLite database or a damaged one."""
    with closing(sqlite3.connect(path)) as file:
        if (found := file.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
            raise ValueError(found[0])


def is_loss(error: Exception) -> bool:
    """Whether an error is that of a storage which cannot be reached or written, not one of the code."""
    of_database = type(error).__module__.startswith("sqlalchemy.") or type(error).__name__ == "StorageInternalError"
    return of_database or isinstance(error, OSError)


def reason(error: BaseException) -> str:
    """Why a storage cannot be used, in a line."""
    if isinstance(error, AssertionError | KeyError | TypeError):  # Optuna's, of a journal
        return "it has operations that this version does not know"
    while error.__cause__ is not None and not hasattr(error, "orig"):
        error = error.__cause__
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
