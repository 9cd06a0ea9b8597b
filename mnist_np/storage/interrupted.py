"""Interrupted runs, found by the files in their folders; there is no index.

A run that comes to its end and loses nothing takes its checkpoints away. So one whose ``checkpoints`` folder holds any has
something left to do, if only to write what a full disk kept it from writing; and it can be gone on with unless a living
process still holds its lock.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from mnist_np.component import ConfigError, UserError
from mnist_np.fingerprint import Identity, differences
from mnist_np.storage.checkpoint import CheckpointError, acquire, found
from mnist_np.storage.records import read_json
from mnist_np.storage.tensorfile import TensorFileError, open_tensors

log = logging.getLogger(__name__)

KEY = "training.resume"

SHORT_ID = re.compile(r"[0-9a-f]{6,31}")
"""The beginning of an MLflow run id, by which a run can be named."""


@dataclass(frozen=True)
class Interrupted:
    """A run to go on with: its folder, and its lock, which this process holds from now on."""

    folder: Path
    lock: FileLock

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"


def choose(resume: str, outputs: Path, folder: Path, identity: Identity) -> Interrupted | None:
    """The run to go on with as ``training.resume`` asks; None to begin a new one in ``folder``.

    ``auto`` is the run that was begun in ``folder`` itself, or the latest interrupted one under ``outputs/runs`` with this
    identity's fingerprint. Else ``resume`` names a run by its MLflow run id or its folder. Raises ConfigError if there is no
    such run or nothing to go on from, CheckpointError if a living process is still at work on it, or on the one in ``folder``.
    """
    if resume == "never":
        return None
    if resume == "auto":
        candidates = [folder, *sorted(outputs.glob("runs/*/*"), reverse=True)]
        for path in candidates:
            try:
                if chosen := claim(path, identity.fingerprint):
                    return chosen
            except CheckpointError:
                if path == folder:
                    raise
        warn_of_changed_inputs(candidates, identity)
        return None
    path = named(resume, outputs)
    if not found(path / "checkpoints"):
        status = read_json(path / "result.json").get("status")
        raise ConfigError(KEY, resume, f"{path} holds no checkpoint" + (f": this run has ended ({status})" if status else ""))
    return Interrupted(path, held(path))


def claim(folder: Path, fingerprint: str, metrics: Sequence[str] = ()) -> Interrupted | None:
    """The run in ``folder``, if it has anything left to do, is of this fingerprint and has measured ``metrics`` in each epoch.

    Raises CheckpointError if another process is at work on it.
    """
    about = next((about for about in headers(folder) if about.get("fingerprint") == fingerprint), None)
    if about is None:
        return None
    lock = held(folder)
    if any(set(metrics) - row.keys() for row in history_of(about)):
        lock.release()
        log.warning("%s did not measure %s from the start: it begins anew", folder, ", ".join(metrics))
        return None
    return Interrupted(folder, lock)


def history_of(about: dict[str, object]) -> list[dict[str, object]]:
    """The epochs of a checkpoint, as far as it has any that can be read."""
    progress = about.get("progress")
    history = progress.get("history") if isinstance(progress, dict) else None
    return [row for row in history if isinstance(row, dict)] if isinstance(history, list) else []


def warn_of_changed_inputs(candidates: list[Path], identity: Identity) -> None:
    """Say of the first interrupted run of the same config what keeps it from going on."""
    for folder in candidates:
        for about in headers(folder):
            if about.get("config") == identity.config and isinstance(then := about.get("inputs"), dict):
                reason = "; ".join(differences(then, identity.inputs()))
                log.warning("%s has the same config, but cannot be continued, and a new run begins: %s", folder, reason)
                return


def held(folder: Path) -> FileLock:
    """The lock of the run in ``folder``, acquired. Raises CheckpointError if another process holds it."""
    lock = FileLock(folder / "checkpoints" / ".lock")
    acquire(lock)
    return lock


def check_not_at_work(folder: Path) -> None:
    """Raise CheckpointError if another process holds the lock of the run in ``folder``. Nothing is made there."""
    if (folder / "checkpoints" / ".lock").exists():
        held(folder).release()


def headers(folder: Path) -> Iterator[dict[str, object]]:
    """What the checkpoints of the run in ``folder`` say they are of, newest first; damaged ones are passed over."""
    for path in found(folder / "checkpoints"):
        try:
            yield open_tensors(path).about
        except TensorFileError:
            continue


def named(name: str, outputs: Path) -> Path:
    """The folder of the run with this MLflow run id, or the folder itself. Raises ConfigError if there is neither."""
    if folder := folder_of(name, outputs):
        return folder
    raise ConfigError(KEY, name, f"must be auto, never, a run's folder, or the MLflow run id of a run under {outputs}")


def folder_of(name: str, outputs: Path) -> Path | None:
    """The folder ``name``, or that of the run under ``outputs`` whose MLflow run id it is, or the beginning of its id.

    Raises UserError for the beginning of several, and for a folder that holds runs but is none: a sweep's, or of all results.
    """
    if os.path.isdir(name):
        check_is_one(Path(name))
        return Path(name)
    short = []
    for pattern in ("runs/*/*/tracking.json", "sweeps/*/*/tracking.json"):
        for path in outputs.glob(pattern):
            ledger = read_json(path)
            former = ledger.get("former_run_ids")
            run_id = ledger.get("run_id")
            if name == run_id or (isinstance(former, list) and name in former):
                return path.parent
            if SHORT_ID.fullmatch(name) and str(run_id).startswith(name):
                short.append(path.parent)
    if len(short) > 1:
        raise UserError(f"{name}: {len(short)} run ids under {outputs} begin so, such as those of {short[0]} and {short[1]}")
    return short[0] if short else None


def check_is_one(folder: Path) -> None:
    """Raise UserError for a folder that is no run's while its subfolders are."""
    if (folder / "config.yaml").exists():
        return
    for pattern in ("*/config.yaml", "*/*/config.yaml", "*/*/*/config.yaml"):
        if runs := sorted(folder.glob(pattern)):
            some = f"{len(runs)} runs" if len(runs) > 1 else "a run"
            raise UserError(f"{folder}: is no run's folder, but holds {some}: name one, such as {runs[0].parent}")
