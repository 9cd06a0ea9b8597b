"""The MLflow client: imported late, with time limits, without telemetry and with a quiet log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mnist_np.component import UserError
from mnist_np.memory import need

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "60",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What MLflow reads from the environment, unless the user has set it: a server that is away must not stall the training."""

QUIET = {
    "mlflow": logging.ERROR,
    "mlflow.store.db.utils": logging.CRITICAL,
    "alembic": logging.ERROR,
    "urllib3.connectionpool": logging.ERROR,
}
"""Loggers that would report every failed attempt with a traceback; we report a failure once."""


PAGE = 1000
"""Runs that MLflow is asked for at a time."""

MEMORY = 400_000_000
"""Bytes of address space that MLflow, SQLAlchemy and SQLite take; half of it is memory in use."""


class TrackingError(UserError):
    """The tracker cannot be used. The message names it and says what to do."""


def client(uri: str) -> MlflowClient:
    """A client of the store at ``uri``. The first one imports MLflow (1 s)."""
    for key, value in DEFAULTS.items():
        os.environ.setdefault(key, value)
    if "mlflow" not in sys.modules:
        need(MEMORY, "MLflow")
    os.environ.pop("MLFLOW_RUN_ID", None)  # an inherited one would win over what we ask for
    from mlflow import MlflowClient

    for name, level in QUIET.items():
        if (logger := logging.getLogger(name)).level != level:  # to set it takes a look at all loggers there are
            logger.setLevel(level)
    return MlflowClient(tracking_uri=uri)


def all_runs(store: MlflowClient, experiments: list[str], where: str, order: str = "attributes.start_time") -> Iterator[Run]:
    """All runs for which a condition holds, however many there are: MLflow gives them in pages."""
    token = None
    while True:
        page = store.search_runs(experiments, where, max_results=PAGE, order_by=[order], page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def reconnect(uri: str) -> None:
    """Close MLflow's connections to a SQLite store: they would stay with a file that was deleted or replaced.

    MLflow keeps one pool of connections for each address and has no public way to close it.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engines = getattr(SqlAlchemyStore, "_engine_map", {})
    if uri in engines:
        engines[uri].dispose()
