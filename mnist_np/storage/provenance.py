"""Where a result's rounding comes from: the versions, the BLAS library and its threads."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from mnist_np import __version__
from mnist_np.engine.threads import blas_libraries

RELEVANT = ("python", "mnist-np", "numpy")
"""Versions on which a result's bits may depend."""

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
    for library in blas_libraries().info():
        return {"name": library["internal_api"], "version": str(library["version"]), "threads": library["num_threads"]}
    return {"name": "unknown", "version": "unknown", "threads": 0}
