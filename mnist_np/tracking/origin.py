"""Who started a run, by what command, and from which commit: the tags that MLflow shows of it."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from mnist_np.source_code import branch_and_remote, git


def origin_tags() -> dict[str, str]:
    """MLflow's own tags for the user and the source."""
    tags = {
        "mlflow.user": user(),
        "mlflow.source.name": Path(sys.argv[0]).name or "python",
        "mlflow.source.type": "LOCAL",
    }
    if source := git():
        found = {"commit": str(source["commit"]), "dirty": str(source["dirty"]).lower()}
        names = {"branch": "branch", "url": "repoURL"}
        found |= {names[key]: value for key, value in branch_and_remote().items()}
        tags |= {f"mlflow.source.git.{name}": value for name, value in found.items()}
    return tags


def user() -> str:
    """The login name, or "unknown" where the user has none (a container)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
