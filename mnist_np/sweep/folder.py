"""A sweep's own folder: a folder for each child that it trained, and ``jobs.jsonl``, which lists the jobs of its last start.

Each line of that file is a job: what varies, its fingerprint and group, and the folder of its run. That may lie elsewhere
under the same ``outputs``: in another sweep, or a single run's. What this sweep trained but no longer asks for is outdated.
"""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path, PurePosixPath

from mnist_np.files import append, write_atomically
from mnist_np.storage.records import read_json_lines, texts
from mnist_np.sweep.children import Child, read_child, settled
from mnist_np.sweep.plan import Job, safe

JOBS = "jobs.jsonl"


class SweepFolder:
    """``outputs/sweeps/<name>-<id>/``."""

    def __init__(self, outputs: Path, name: str, identity: str) -> None:
        self.outputs = outputs
        self.path = outputs / "sweeps" / f"{safe(name)}-{identity}"

    @classmethod
    def at(cls, path: Path, outputs: Path) -> SweepFolder:
        """The folder of an earlier sweep."""
        found = cls(outputs, "", "")
        found.path = path
        return found

    def begin(self) -> None:
        """Make the folder, with an empty list of jobs: those of the start that begins now are to be registered."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / JOBS, "")

    def place(self, job: Job) -> Path:
        """The folder for a job that has none yet."""
        folder = self.path / f"{safe(job.name)}-{job.fingerprint[:8]}"
        return folder if not (folder / "run.json").exists() else self.path / f"{safe(job.name)}-{job.fingerprint}"

    def register(self, job: Job, folder: Path | None = None) -> Path:
        """Add the job to the list, with the folder of its run: ``folder``, or a new one of this sweep."""
        folder = folder or self.place(job)
        entry = {"overrides": dict(job.varied), "group": job.group, "fingerprint": job.fingerprint}
        entry["folder"] = PurePosixPath(os.path.relpath(folder, self.path)).as_posix()
        append(self.path / JOBS, json.dumps(entry) + "\n")
        return folder

    def children(self) -> list[Child]:
        """The runs of the listed jobs, each once."""
        found = {}
        for entry in read_json_lines(self.path / JOBS):
            child = self.child(entry)
            if child is not None:
                found[child.fingerprint] = settled(child)
        return list(found.values())

    def child(self, entry: dict[str, object]) -> Child | None:
        """The run of a line of the list; None for a line that is none."""
        overrides, words = entry.get("overrides"), [entry.get(key) for key in ("group", "fingerprint", "folder")]
        if not (isinstance(overrides, dict) and all(isinstance(word, str) for word in words)):
            return None
        group, fingerprint, name = map(str, words)
        folder = Path(os.path.normpath(self.path / name))
        if Path(os.path.normpath(self.outputs)) not in folder.parents:
            return None
        linked = folder.parent != Path(os.path.normpath(self.path))
        return read_child(folder, texts(overrides), group, fingerprint, linked)

    def runs(self) -> list[Path]:
        """The folders of all runs that this sweep trained and that were not replaced."""
        return sorted(path.parent for path in self.path.glob("*/run.json"))

    def archive(self, folder: Path) -> None:
        """Put a run's folder aside, so that the run can be made anew; nothing is deleted."""
        old = self.path / "replaced" / f"{folder.name}-{datetime.now():%Y-%m-%d-%H-%M-%S-%f}"
        old.parent.mkdir(exist_ok=True)
        shutil.move(folder, old)
