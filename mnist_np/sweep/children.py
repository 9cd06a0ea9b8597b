"""A sweep's child runs, as their folders tell: one folder per child, which holds all that is known of it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

ENDED = ("finished", "diverged", "pruned", "failed", "killed")
"""The statuses of a run that is over; ``killed`` may be resumed, and so may a ``running`` one whose process is gone."""


@dataclass(frozen=True)
class Child:
    """One run of a sweep.

    ``overrides`` are the varied keys with this child's values as written (``{"optimizer": "adam", "seed": "3"}``), ``group``
    the fingerprint without the seed. ``status`` is ``queued``, ``running`` or one of `ENDED`. ``history`` has a row per epoch.
    """

    overrides: dict[str, str]
    folder: Path
    group: str = ""
    status: str = "queued"
    reason: str = ""
    run_id: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def configuration(self) -> dict[str, str]:
        """What varies beside the seed: runs that share it are repetitions of one configuration."""
        return {key: value for key, value in self.overrides.items() if key != "seed"}


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a run's ``history.csv``; none when it is not there yet. A half-written last row is left out."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    header = rows[0] if rows else []
    return [
        {key: float(value) for key, value in zip(header, row, strict=True) if value != ""}
        for row in rows[1:]
        if len(row) == len(header)
    ]


def read_json(path: Path) -> dict[str, object]:
    """A JSON file's object, or nothing when it is not there."""
    return dict(json.loads(path.read_text())) if path.exists() else {}
