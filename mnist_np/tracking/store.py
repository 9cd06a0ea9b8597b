"""The MLflow store of a project: found, made ready once, and its experiment in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from mnist_np.tracking.client import TrackingError, client
from mnist_np.tracking.settings import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE = 120.0
"""Seconds to wait for another process that makes the store ready."""

MARK = 784
"""SQLite's ``user_version``, which is there for such uses, of a store that is ready."""

_READY: dict[tuple[str, str], str] = {}
"""(uri, experiment) -> experiment id, as far as this process knows."""


@dataclass(frozen=True)
class Store:
    """An MLflow store at ``uri``. What it keeps in files of this machine lies under ``outputs``."""

    uri: str
    outputs: Path

    @property
    def client(self) -> MlflowClient:
        return client(self.uri)

    @property
    def database(self) -> Path | None:
        """The SQLite file, where the store is one."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None

    @property
    def lock(self) -> FileLock:
        """Held while something is created that must be there once only. Not to be taken twice by one holder."""
        return FileLock(self.outputs / ".mlflow.lock", timeout=PATIENCE)

    def experiment_id(self, name: str) -> str:
        """The id of the experiment ``name``, made if need be. Raises TrackingError."""
        known = _READY.get((self.uri, name))
        if known:
            return known
        try:
            self.outputs.mkdir(parents=True, exist_ok=True)
            self.make_ready()
            found = self.find(name)
            if found is None:
                with self.lock:
                    found = self.find(name) or self.create(name)
        except Exception as error:
            raise TrackingError(f"the MLflow store {self.uri} cannot be used: {first_line(error)}") from error
        _READY[self.uri, name] = found
        return found

    def make_ready(self) -> None:
        """Have MLflow make its tables in a new SQLite file, under a lock: two processes at once would break it for good.

        A mark in the file then says that this is done, so that later processes need not queue for the lock.
        """
        if self.database is None or self._mark() == MARK:
            return
        with self.lock:
            if self._mark() == MARK:
                return
            self.client.search_experiments(max_results=1)
            with closing(sqlite3.connect(self.database)) as database:
                database.execute("PRAGMA journal_mode=WAL")  # readers (the UI) and writers do not wait for each other
                database.execute(f"PRAGMA user_version={MARK}")

    def _mark(self) -> int | None:
        if self.database is None or not self.database.exists():
            return None
        with closing(sqlite3.connect(self.database, timeout=PATIENCE)) as database:
            mark: int = database.execute("PRAGMA user_version").fetchone()[0]
            return mark

    def find(self, name: str) -> str | None:
        """The id of an experiment, or None if there is none of this name. One that was deleted is restored."""
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            return None
        if experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        found: str = experiment.experiment_id
        return found

    def create(self, name: str) -> str:
        """A new experiment. Its files lie under ``outputs``, unless a server has a place for them."""
        location = None if self.uri.startswith("http") else (self.outputs / "artifacts").resolve().as_uri()
        created: str = self.client.create_experiment(name, location)
        return created

    def is_free(self, seconds: float) -> bool:
        """Whether a SQLite store can be written within ``seconds``; other stores have time limits of their own.

        MLflow itself would wait 20 s for a lock, which would hold up the training.
        """
        if self.database is None or not self.database.exists():
            return True
        connection = sqlite3.connect(self.database, timeout=seconds, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return True
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()


def store_of(tracking: Tracking, outputs: Path) -> Store:
    """The store that the settings name: a SQLite file under ``outputs``, or what is at ``tracking.uri``."""
    if tracking.backend == "sqlite" and tracking.uri is None:
        return Store(f"sqlite:///{(outputs / 'mlflow.db').resolve()}", outputs)
    return Store(str(tracking.uri), outputs)


def first_line(error: BaseException) -> str:
    """An error's message, short enough for a person: MLflow's may hold a whole SQL statement or a page of HTML."""
    text = " ".join(str(error).split()) or type(error).__name__
    if "Max retries exceeded" in text:
        return "no answer (connection refused)" if "refused" in text else "no answer"
    if "(sqlite3." in text:
        return text[text.index("(sqlite3.") :].split(" [SQL", 1)[0]
    return text if len(text) <= 200 else f"{text[:200]} ..."
