"""Files given to MLflow: where its artifacts lie on the same file system, as hard links, so that nothing is kept twice.

A link is a second name of one file: it stays when the other name is deleted. Neither side writes into a file that is there; both
put a new one in its place, and so leave the other's as it was. What cannot be linked is copied: to another file system, and the
files of others, who could still write to them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

if TYPE_CHECKING:
    from mlflow import MlflowClient

UPLOADING = ".artifact.uploading."
"""The beginning of a name that MLflow leaves out of its lists."""


def log_path(client: MlflowClient, run_id: str, artifact_uri: str, path: Path, name: str) -> None:
    """Give a run a file or a folder.

    Args:
        client: MLflow's.
        run_id: the run.
        artifact_uri: where the run's artifacts are.
        path: the file or folder.
        name: what it is called there; the last part is the name of a file.
    """
    if local_folder(artifact_uri) is None and path.is_dir():
        client.log_artifacts(run_id, str(path), name)
    else:
        put(path, artifact_uri, name, lambda file, folder: client.log_artifact(run_id, str(file), folder or None))


def log_model(client: MlflowClient, model_id: str, artifact_uri: str, path: Path) -> None:
    """Give a logged model the folder ``path``."""
    if local_folder(artifact_uri) is None:
        client.log_model_artifacts(model_id, str(path))
    else:
        put(path, artifact_uri, "", lambda file, folder: client.log_model_artifact(model_id, str(file), folder or None))


def put(path: Path, artifact_uri: str, name: str, copy: Callable[[Path, str], None]) -> None:
    """Link a file, or all files of a folder, into the artifacts; ``copy(file, folder there)`` takes those that cannot be."""
    target = local_folder(artifact_uri)
    for file in files_of(path):
        there = Path(name, file.relative_to(path))
        if target is None or not link(file, target / there):
            copy(file, "" if there.parent == Path() else there.parent.as_posix())


def local_folder(uri: str) -> Path | None:
    """The folder that an address leads to; None where it is no folder of this machine."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    return Path(uri) if os.path.isabs(uri) else None


def files_of(path: Path) -> Iterator[Path]:
    """The file itself, or the files below a folder."""
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def link(file: Path, target: Path) -> bool:
    """Make ``target`` another name of ``file``, in one step; gives whether it could be."""
    temporary = target.with_name(f"{UPLOADING}{uuid4().hex}")
    try:
        if os.name != "nt" and os.stat(file).st_uid != os.geteuid():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.link(file, target, follow_symlinks=False)
            return True
        if not os.path.samefile(file, target):
            os.link(file, temporary, follow_symlinks=False)
            os.replace(temporary, target)
        return True
    except (OSError, NotImplementedError):  # the second where a system cannot do without following
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
