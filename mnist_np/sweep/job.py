"""A sweep's job: one run, whose failure is recorded, so that the others go on."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout

from mnist_np.files import write_atomically
from mnist_np.storage.checkpoint import CheckpointError
from mnist_np.storage.interrupted import check_not_at_work
from mnist_np.storage.records import read_json
from mnist_np.storage.run_folder import as_json, now
from mnist_np.storage.run_index import is_final
from mnist_np.sweep.children import LOCK
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.single import execute, prepare
from mnist_np.training.interrupt import Interrupt

TIMEOUT = 120.0
"""Seconds to wait for another process that is at work on the same run."""

TICK = 0.5
"""Seconds after which a waiting job looks whether the sweep was stopped meanwhile."""


def stop_file(sweep: Path, start: str | None) -> Path:
    """What ends the start ``start`` of the sweep in the folder ``sweep`` when it is there; other starts have other files."""
    return sweep / f"STOP-{start}"


def run_child(config: RunConfig, folder: Path, stops_sweep: bool = True) -> str:
    """Run ``config`` in ``folder``, unless that is done already or the sweep is to stop.

    The folder tells what became of the run. What it could not be made to tell is returned. ``stops_sweep``: whether a signal
    that comes here is meant for the whole sweep, or for this run alone.
    """
    lock, stop = FileLock(folder / LOCK, timeout=TICK), stop_file(folder.parent, config.sweep.start)
    with Interrupt() as interrupted:  # it takes the signals that come while `execute` does not listen yet
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not acquired(lock, lambda: stop.exists() or interrupted() is not None):
                return f"another process is still at work on this run: {folder}"
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        try:
            return run_locked(config, folder, stop, interrupted, stops_sweep)
        finally:
            lock.release()


def acquired(lock: FileLock, stopped: Callable[[], bool]) -> bool:
    """Wait for the run's lock: a worker of a launcher that was killed may still be ending this very run.

    Gives whether the wait is over, since this process has the lock or the sweep was stopped.
    """
    end = monotonic() + TIMEOUT
    while monotonic() < end and not stopped():
        with suppress(Timeout):
            lock.acquire()
            return True
    return stopped()


def run_locked(config: RunConfig, folder: Path, stop: Path, interrupted: Interrupt, stops_sweep: bool) -> str:
    """What `run_child` does, while this process has the run for itself."""
    tracked = config.tracking.backend != "off"
    if stop.exists() or is_final(folder, tracked):
        return ""
    try:
        job = prepare(config, folder) if not interrupted() else None
        if job is None or interrupted():
            if stops_sweep:
                stop_sweep(stop, interruption(str(interrupted()), config.sweep.skip_finished))
            else:
                record_interruption(folder, str(interrupted()))
            return ""
        result = execute(job)
    except Exception as error:
        problem = record_failure(folder, error, tracked)
        if config.sweep.on_error == "stop":
            stop_sweep(stop, f"stopped, as sweep.on_error=stop asks, after {folder.name} failed: {error}")
        return problem
    if result.status == "killed":
        record_interruption(folder, result.reason)
        if stops_sweep:
            stop_sweep(stop, interruption(result.reason, config.sweep.skip_finished))
        return ""  # what it failed to write it writes when it goes on
    return record_losses(folder, result.failures, tracked) if result.failures else ""


def interruption(reason: str, skip_finished: bool) -> str:
    """What a sweep that was interrupted says last. One that runs finished ones anew would begin again by the same command."""
    how = "" if skip_finished else " without sweep.skip_finished=false"
    return f"interrupted ({reason}); the same command{how} goes on with it"


def stop_sweep(stop: Path, reason: str) -> None:
    """Leave ``reason`` in the file ``stop``. On a full disk the other jobs go on until they fail too."""
    try:
        write_atomically(stop, reason)
    except OSError:
        return


def record_failure(folder: Path, error: BaseException, tracked: bool = True) -> str:
    """Leave the traceback in ``error.txt`` and say ``failed`` in ``result.json``, where nobody else has.

    Gives the error in words where that cannot be written, or must not be: another process is at work on the run, or it has
    come to its end, and only then its process went away.
    """
    reason = f"{type(error).__name__}: {error}"
    try:
        check_not_at_work(folder)
        if is_final(folder, tracked):
            return reason
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "error.txt", "".join(traceback.format_exception(error)))
        if read_json(folder / "result.json").get("status") != "failed":
            record(folder, "failed", reason)
    except (OSError, CheckpointError):
        return reason
    return ""


def record_interruption(folder: Path, reason: str) -> None:
    """Say ``killed`` in ``result.json`` of a run that left none: it is taken up from its checkpoint."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "result.json").exists():
            record(folder, "killed", reason)


def record_losses(folder: Path, failures: list[str], tracked: bool) -> str:
    """Say ``failed`` in ``result.json`` of a run that trained to its end but could not write its results.

    Its checkpoints are still there, so the next start writes what is missing. Gives the failures in words where that cannot be
    written, or where the results are there and something else was lost (a checkpoint, a figure).
    """
    reason = f"the training has finished, but {'; '.join(failures)}"
    if is_final(folder, tracked):
        return reason
    try:
        record(folder, "failed", reason)
    except OSError:
        (folder / "result.json").unlink(missing_ok=True)
        return reason
    return ""


def record(folder: Path, status: str, reason: str) -> None:
    """Write ``result.json`` with a status and its reason."""
    content = {"status": status, "reason": reason, "metrics": {}, "ended": now()}
    write_atomically(folder / "result.json", as_json(content))
