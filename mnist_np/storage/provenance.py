"""Where a result comes from: the code's commit, the versions, the BLAS library and its threads, the machine."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

from mnist_np import __version__

PACKAGES = ("numpy", "mlflow", "hydra-core", "omegaconf", "safetensors", "matplotlib")


def versions() -> dict[str, str]:
    """Version of Python, of this package and of those it stands on, as far as they are installed."""
    return {"python": platform.python_version(), "mnist-np": __version__} | _installed()


@cache
def _installed() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def blas() -> dict[str, str | int]:
    """Name, version and threads of the BLAS that NumPy multiplies with: the last bits of a result depend on them."""
    for library in threadpool_info():
        if library["user_api"] == "blas":
            return {"name": library["internal_api"], "version": str(library["version"]), "threads": library["num_threads"]}
    return {"name": "unknown", "version": "unknown", "threads": 0}


@cache
def git() -> dict[str, str | bool]:
    """``commit`` and ``dirty`` of the checkout that this package is imported from; empty for an installed package."""
    package = Path(__file__).resolve().parent
    try:
        root, commit = _git(package, "rev-parse", "--show-toplevel", "HEAD").splitlines()
        if Path(root) / "mnist_np" != package:
            return {}
        return {"commit": commit, "dirty": bool(_git(package.parent, "status", "--porcelain", "--", "mnist_np", "conf"))}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout
