"""The plan of a sweep: which children it has, which of them are done already, and where each one lives.

A sweep is what varies and what is fixed: its id is the hash of the varied keys' names and of the fixed overrides. The same
command, and one with more values for the same keys, therefore continue the same sweep.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mnist_np.storage.records import read_history, read_json
from mnist_np.sweep.children import Child
from mnist_np.sweep.values import short_names

LONGEST = 120
"""Characters of a child's name: file systems allow 255 bytes, a person reads fewer."""

FINAL = ("finished", "diverged", "pruned")
"""Statuses that running again would only repeat."""


@dataclass(frozen=True)
class Job:
    """A child to be: the overrides that make it, what varies among them, and its identity."""

    overrides: Sequence[str]
    varied: Mapping[str, str]
    fingerprint: str
    group: str

    @property
    def name(self) -> str:
        """What varies, readable: ``optimizer=adam-init=he_normal-seed=3``."""
        return child_name(self.varied)


def child_name(varied: Mapping[str, str]) -> str:
    """``optimizer=adam-init=he_normal-seed=3``, each key by its last part where that is unambiguous."""
    short = short_names(varied)
    return "-".join(f"{short[key]}={value}" for key, value in varied.items()) or "single"


def sweep_id(varied: Sequence[str], fixed: Sequence[str]) -> str:
    """Eight hex digits of the hash of what varies (names only) and what is fixed (with its values)."""
    return hashlib.sha256(json.dumps([sorted(varied), sorted(fixed)]).encode()).hexdigest()[:8]


def safe(text: str) -> str:
    """``text`` as part of a folder's name: letters, digits and ``=.,_-`` only, so that it cannot leave its folder."""
    return re.sub(r"[^\w=.,-]+", "_", text)[:LONGEST].strip("._") or "_"


class SweepFolder:
    """``outputs/sweeps/<name>-<id>/``: a folder per child and what the sweep itself leaves."""

    def __init__(self, outputs: Path, name: str, identity: str) -> None:
        self.path = outputs / "sweeps" / f"{safe(name)}-{identity}"
        self.stop = self.path / "STOP"

    def child(self, job: Job) -> Path:
        """The folder of a job's run: the same for the same varied values and fingerprint."""
        return self.path / f"{safe(job.name)}-{job.fingerprint[:8]}"

    def register(self, job: Job) -> Path:
        """Make the job's folder and note what it is, so that the sweep's story can be told from the folders alone."""
        folder = self.child(job)
        folder.mkdir(parents=True, exist_ok=True)
        note = {"overrides": dict(job.varied), "group": job.group, "fingerprint": job.fingerprint}
        (folder / "child.json").write_text(json.dumps(note, indent=2))
        return folder

    def children(self) -> list[Child]:
        """All children that this sweep has ever had, in the order of their folders' names."""
        return [read_child(path.parent) for path in sorted(self.path.glob("*/child.json"))]

    def archive(self, job: Job) -> None:
        """Put a finished run's folder aside, so that it can run anew; nothing is deleted."""
        folder = self.child(job)
        if folder.exists():
            old = self.path / "replaced" / f"{folder.name}-{datetime.now():%Y-%m-%d-%H-%M-%S-%f}"
            old.parent.mkdir(exist_ok=True)
            shutil.move(folder, old)


def read_child(folder: Path) -> Child:
    """A child as its folder tells it."""
    note, result = read_json(folder / "child.json"), read_json(folder / "result.json")
    started = (folder / "run.json").exists()
    status = str(result.get("status") or ("running" if started else "queued"))
    run_id = read_json(folder / "tracking.json").get("run_id")
    metrics: Any = result.get("metrics") or {}
    return Child(
        overrides=dict(note["overrides"]),
        folder=folder,
        group=str(note["group"]),
        status=status,
        reason=str(result.get("reason") or ""),
        run_id=str(run_id) if run_id else None,
        metrics={key: value for key, value in metrics.items() if value is not None},  # None: it was not finite
        history=read_history(folder / "history.csv"),
    )
