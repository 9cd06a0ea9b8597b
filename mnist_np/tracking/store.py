"""The MLflow store of a project: found, made ready once, and its experiment in it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from mnist_np.sqlite_uri import sqlite_path, sqlite_uri
from mnist_np.tracking.client import TrackingError, client, reconnect
from mnist_np.tracking.database import Identity, identity, is_current, make_ready, remove_quoted_folder
from mnist_np.tracking.settings import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

TIMEOUT = 120.0
"""Seconds to wait for another process that makes the store ready."""

_EXPERIMENTS: dict[tuple[str, str, Identity | None], str] = {}
"""(uri, experiment, file) -> experiment id, as far as this process knows."""

_CONNECTED: dict[str, Identity] = {}
"""uri -> the file that MLflow's connections in this process lead to."""


@dataclass(frozen=True)
class Store:
    """An MLflow store at ``uri``. What it keeps in files of this machine lies under ``outputs``."""

    uri: str
    outputs: Path

    @property
    def client(self) -> MlflowClient:
        """MLflow's client of the store, which is made ready. Raises TrackingError."""
        self.open()
        return client(self.uri)

    @property
    def database(self) -> Path | None:
        """The SQLite file, where the store is one."""
        return sqlite_path(self.uri)

    @property
    def lock(self) -> FileLock:
        """Held while something is created that must be there once only. Not to be taken twice by one holder."""
        return FileLock(self.outputs / ".mlflow.lock", timeout=TIMEOUT)

    def open(self) -> Identity | None:
        """Make the SQLite file ready if it is not, and connect MLflow to the one that is there now, which is returned.

        A store that is not a file gives None. Raises TrackingError.
        """
        if self.database is None:
            return None
        try:
            if (found := self.file) is None:
                self.outputs.mkdir(parents=True, exist_ok=True)
                with self.lock:
                    make_ready(self.database)
                if (found := self.file) is None:
                    raise TrackingError("it was deleted while it was opened")
            if self.uri not in _CONNECTED:
                client(self.uri).search_experiments(max_results=1)
                remove_quoted_folder(self.database)
            elif _CONNECTED[self.uri] != found:
                reconnect(self.uri)
        except Exception as error:
            raise TrackingError(f"the MLflow store {self.uri} cannot be used: {first_line(error)}") from error
        _CONNECTED[self.uri] = found
        return found

    @property
    def file(self) -> Identity | None:
        """Which SQLite file is there, if it is ready."""
        return identity(self.database) if self.database is not None else None

    def experiment_id(self, name: str) -> str:
        """The id of the experiment ``name``, made if need be. Raises TrackingError."""
        key = (self.uri, name, self.open())
        if key in _EXPERIMENTS:
            return _EXPERIMENTS[key]
        try:
            found = self.find(name)
            if found is None:
                self.outputs.mkdir(parents=True, exist_ok=True)
                with self.lock:
                    found = self.find(name) or self.create(name)
        except Exception as error:
            raise TrackingError(f"the MLflow store {self.uri} cannot be used: {first_line(error)}") from error
        _EXPERIMENTS[key] = found
        return found

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

    @property
    def looks_usable(self) -> bool:
        """Whether a SQLite store can be used, or made: as far as that shows without an import of MLflow."""
        path = self.database
        if path is None or not find_spec("mlflow"):
            return False
        if not os.path.lexists(path):
            return path.parent == self.outputs.absolute() or (path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK))
        return self.file is not None and os.access(path, os.W_OK) and self.is_free(0.1) and is_current(path)

    def is_free(self, seconds: float) -> bool:
        """Whether a SQLite store can be written within ``seconds``; other stores have time limits of their own.

        MLflow itself would wait 20 s for a lock, which would hold up the training.
        """
        if self.database is None or not self.database.exists():
            return True
        address = f"{self.database.resolve().as_uri()}?mode=rw"  # which makes no file where there is none any more
        try:
            with closing(sqlite3.connect(address, timeout=seconds, isolation_level=None, uri=True)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
                return True
        except sqlite3.OperationalError:
            return False


def store_of(tracking: Tracking, outputs: Path) -> Store:
    """The store that the settings name: a SQLite file under ``outputs``, or what is at ``tracking.uri``."""
    if tracking.backend == "sqlite" and tracking.uri is None:
        return Store(sqlite_uri(outputs / "mlflow.db"), outputs)
    return Store(str(tracking.uri), outputs)


def first_line(error: BaseException) -> str:
    """An error's message, short enough for a person: MLflow's may hold a whole SQL statement or a page of HTML."""
    text = " ".join(str(error).split()) or type(error).__name__
    if "Max retries exceeded" in text:
        return "no answer (connection refused)" if "refused" in text else "no answer"
    if "(sqlite3." in text:
        return text[text.index("(sqlite3.") :].split(" [SQL", 1)[0]
    return text if len(text) <= 200 else f"{text[:200]} ..."
