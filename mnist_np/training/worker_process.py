"""Worker processes of this package. They ignore signals: the parent process stops them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from mnist_np.training.interrupt import signals_blocked

ONE_BLAS_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def start(module: str, argument: int, pass_fds: Sequence[int], streams: int) -> subprocess.Popen[bytes]:
    """Start ``python -m MODULE ARGUMENT`` with one BLAS thread, which inherits the descriptors ``pass_fds``.

    ``streams`` is what its standard input and output are.
    """
    command = [sys.executable, "-m", module, str(argument)]
    environment = os.environ | ONE_BLAS_THREAD | search_path()
    with signals_blocked():  # Ctrl-C reaches it too, and is ours to answer
        return subprocess.Popen(command, stdin=streams, stdout=streams, pass_fds=pass_fds, env=environment)


def search_path() -> dict[str, str]:
    """The environment with which Python looks for modules where this process does: by itself it would look in the current
    folder too, and take a user's ``queue.py`` for its own."""
    return {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "PYTHONSAFEPATH": "1"}
