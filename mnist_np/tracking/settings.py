"""Where runs are tracked (config group ``tracking``). Imports no mlflow: a run with ``tracking=off`` needs none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnist_np.component import Component, one_of


@dataclass
class Tracking(Component):
    """An MLflow store: SQLite under ``outputs``, a server at ``uri``, or none.

    With ``required`` a store that cannot be reached stops the run before its first step; else it is reported only.
    """

    group: ClassVar[str] = "tracking"
    backend: str = one_of("sqlite", "sqlite", "server", "off")
    uri: str | None = None
    experiment: str = "mnist-np"
    required: bool = True
