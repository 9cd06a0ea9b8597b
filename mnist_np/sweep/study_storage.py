"""Where a search keeps its studies: a file in the sweep's folder, or a database that ``sweep.search.storage`` names."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_np.component import UserError
from mnist_np.sqlite_uri import sqlite_uri
from mnist_np.sweep.space import import_optuna

JOURNAL, DATABASE = "study.journal", "study.db"
"""Files of a sweep's folder; the second is that of searches which began before there were journals."""

PATIENCE = 60
"""Seconds to wait for another process that writes to the same SQLite file."""


@dataclass(frozen=True)
class StudyStorage:
    """Where a sweep's studies are.

    Attributes:
        path: the file: a journal, or a SQLite database if its name ends in ``.db``.
    """

    path: Path

    @classmethod
    def of(cls, folder: Path) -> StudyStorage:
        """The storage of the sweep in ``folder``. A search that began in a SQLite file goes on there."""
        journal, database = folder / JOURNAL, folder / DATABASE
        return cls(database if database.exists() and not journal.exists() else journal)

    def open(self) -> Any:
        """The storage as Optuna takes it. Processes that write to it at the same time wait for each other."""
        storages = import_optuna().storages
        if self.path.suffix == ".db":
            return storages.RDBStorage(sqlite_uri(self.path), engine_kwargs={"connect_args": {"timeout": PATIENCE}})
        from mnist_np.sweep.journal import Journal

        return storages.JournalStorage(Journal(self.path))

    def check(self) -> None:
        """Raise UserError where there is something that is no storage of this Optuna."""
        if not self.path.exists():
            return
        try:
            if self.path.suffix == ".db":
                check_sqlite(self.path)
            import_optuna().get_all_study_names(self.open())
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}") from error
        except Exception as error:  # SQLite's, SQLAlchemy's, Alembic's and Optuna's own
            advice = "move the file away, and the search starts anew from the runs beside it"
            version = import_optuna().__version__
            raise UserError(f"{self.path}: is no study of Optuna {version} ({reason(error)}); {advice}") from error


def check_sqlite(path: Path) -> None:
    """Raise ValueError, or sqlite3.Error, where the file is no SQLite database or a damaged one."""
    with closing(sqlite3.connect(path)) as file:
        if (found := file.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
            raise ValueError(found[0])


def reason(error: Exception) -> str:
    """Why a storage cannot be used, in a line."""
    if isinstance(error, AssertionError | KeyError | TypeError):  # Optuna's, of a journal
        return "it has operations that this version does not know"
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
