"""A sweep's child runs, as their folders tell: one folder per child, which holds all that is known of it."""

from __future__ import annotations

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
