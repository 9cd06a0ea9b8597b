"""A sweep's job, wherever it runs: one run that is recorded whatever becomes of it, so that the others can go on."""

from __future__ import annotations

import traceback
from pathlib import Path

from filelock import FileLock

from mnist_np.files import write_atomically
from mnist_np.storage.records import read_json
from mnist_np.sweep.plan import FINAL
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.single import execute, prepare
from mnist_np.training.result import Result

PATIENCE = 120.0
"""Seconds to wait for another process that is at work on the same run."""


def run_child(config: RunConfig, folder: Path) -> Result | None:
    """Run ``config`` in ``folder``; None when it failed (recorded as such), is done already, or the sweep was told to stop."""
    stop = folder.parent / "STOP"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # A worker of a launcher that was killed may still be ending this very run.
        with FileLock(folder / ".child.lock", timeout=PATIENCE):
            if stop.exists() or read_json(folder / "result.json").get("status") in FINAL:
                return None
            result = execute(prepare(config, folder))
    except Exception as error:
        record_failure(folder, error)
        if config.sweep.on_error == "stop":
            stop.write_text(f"stopped, as sweep.on_error=stop asks, after {folder.name} failed: {error}")
        return None
    if result.status == "killed":
        stop.write_text(f"interrupted ({result.reason}); the same command goes on with it")
    return result


def record_failure(folder: Path, error: BaseException) -> None:
    """Leave the traceback in ``error.txt`` and say ``failed`` in ``result.json``, where nobody else has."""
    write_atomically(folder / "error.txt", "".join(traceback.format_exception(error)))
    if read_json(folder / "result.json").get("status") != "failed":
        from mnist_np.storage.run_folder import as_json, now

        content = {"status": "failed", "reason": f"{type(error).__name__}: {error}", "metrics": {}, "ended": now()}
        write_atomically(folder / "result.json", as_json(content))
