"""The files of a run's folder that a tracker may be sent: its own, and nothing that a link or a path leads to elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from mnist_np.tracking.client import TrackingError

DELIVERY_FILES = ("tracking.json", "journal.jsonl", ".tracking.lock")
"""The files of a run that its delivery writes."""


def check_own(folder: Path, name: str) -> Path:
    """The path of ``name``, a file or folder in a run's folder, all of which is the run's own.

    Raises TrackingError where it leads out of the folder, or where it is or holds a link, a pipe or a device.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or os.path.isabs(name):
        raise TrackingError(f"{name}: is not a path within the run's folder, and is not sent")
    path = folder
    for part in parts:
        path = path / part
        check_kind(path)
    for here, folders, files in os.walk(path):  # links to folders are among the folders, and not walked into
        for entry in (*folders, *files):
            check_kind(Path(here, entry))
    return path


def check_kind(path: Path) -> None:
    """Raise TrackingError for what is neither a regular file nor a folder. What is not there passes."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise TrackingError(f"{path}: {error}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise TrackingError(
            f"{path}: is {'a link' if stat.S_ISLNK(mode) else 'a device or pipe'}, and is neither followed nor sent"
        )
