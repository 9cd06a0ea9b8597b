"""Addresses of SQLite files as SQLAlchemy reads them: in a path ``?``, ``%`` and ``#`` must be quoted."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

PREFIX = "sqlite:///"


def sqlite_uri(path: Path) -> str:
    """``/tmp/50%/mlflow.db`` gives ``sqlite:////tmp/50%25/mlflow.db``. A relative path is made absolute."""
    return PREFIX + re.sub("[%?#]", lambda match: f"%{ord(match[0]):02X}", str(path.resolve()))


def sqlite_path(uri: str) -> Path | None:
    """The file that a SQLite address leads to; None where it is the address of something else."""
    return Path(unquote(uri.removeprefix(PREFIX).partition("?")[0])) if uri.startswith(PREFIX) else None
