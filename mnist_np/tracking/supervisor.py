"""Runs a server that ends with the process that started it: ``python -m mnist_np.tracking.supervisor COMMAND ...``

A process that is killed cannot end its server. So this one stands between them: it ends the server when its standard input
ends, which it does with the process that holds the other end, however that one ends.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

LOOK_EVERY = 0.5
"""Seconds between two looks at whether the server still runs."""

POLITE, FORCED = 5.0, 5.0
"""Seconds that a server may take to end after SIGTERM, and after SIGKILL."""


def main() -> int:
    """Start the command in a session of its own, and end it in time. Gives its exit code."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    server: subprocess.Popen[bytes] | None = None
    try:
        server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
        while server.poll() is None:
            ready, _, _ = select.select([0], [], [], LOOK_EVERY)
            if ready and not os.read(0, 1024):
                break
    finally:
        if server is not None:
            end(server)
    return server.returncode or 0


def end(server: subprocess.Popen[bytes]) -> None:
    """End a server and the processes that it started: with SIGTERM, and those that stay with SIGKILL."""
    for stop, seconds in ((signal.SIGTERM, POLITE), (signal.SIGKILL, FORCED)):
        try:
            os.killpg(server.pid, stop)
        except ProcessLookupError:
            break
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    server.poll()


if __name__ == "__main__":
    sys.exit(main())
