"""A sweep's child runs, read from their folders: one folder per child."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from mnist_np.storage.records import numbers, read_history, read_json

ENDED = ("finished", "diverged", "pruned", "failed", "killed")
"""The statuses of a run that is over; ``killed`` may be resumed, and so may a ``running`` one whose process is gone."""

LOCK = ".child.lock"
"""In a run's folder: held by the process that runs it as a sweep's job."""


@dataclass(frozen=True)
class Child:
    """One run of a sweep.

    Attributes:
        overrides: the varied keys with this child's values as written (``{"optimizer": "adam", "seed": "3"}``).
        folder: where its files are.
        group: the fingerprint without the seed. Runs of one group are repetitions of one configuration.
        status: ``queued``, ``running`` or one of `ENDED`.
        reason: why it is not ``finished``.
        run_id: its id in MLflow.
        metrics: the finite metrics of the whole run.
        history: a row per epoch.
        fingerprint: what identifies the run.
        linked: whether it was trained by another sweep or as a single run, and was taken from there.
        problem: what could not be written beside the results of a run that is over.
    """

    overrides: dict[str, str]
    folder: Path
    group: str = ""
    status: str = "queued"
    reason: str = ""
    run_id: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    fingerprint: str = ""
    linked: bool = False
    problem: str = ""

    @property
    def configuration(self) -> dict[str, str]:
        """What varies beside the seed."""
        return {key: value for key, value in self.overrides.items() if key != "seed"}


def read_child(folder: Path, overrides: Mapping[str, str], group: str = "", fingerprint: str = "", linked: bool = False) -> Child:
    """A child as the files in its folder tell it; what is broken there counts as missing."""
    result = read_json(folder / "result.json")
    run_id, metrics = read_json(folder / "tracking.json").get("run_id"), result.get("metrics")
    return Child(
        dict(overrides),
        folder,
        group,
        status_of(folder, result),
        str(result.get("reason") or ""),
        run_id if isinstance(run_id, str) and run_id else None,
        numbers(metrics) if isinstance(metrics, dict) else {},
        read_history(folder / "history.csv"),
        fingerprint,
        linked,
    )


def status_of(folder: Path, result: Mapping[str, object]) -> str:
    """The status of the run in ``folder``, whose ``result.json`` holds ``result``."""
    status = result.get("status")
    if status in ENDED:
        return str(status)
    return "running" if os.path.exists(folder / "run.json") else "queued"


def settled(child: Child) -> Child:
    """The child, ``killed`` if its files say ``running`` but its process has ended."""
    if child.status != "running" or is_running(child.folder):
        return child
    return replace(child, status="killed", reason="its process is gone")


def is_running(folder: Path) -> bool:
    """Whether a process holds the lock of the run in ``folder``, as `run_child` does."""
    lock = folder / LOCK
    if not os.path.exists(lock):
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except (Timeout, OSError):
        return True
