"""The most memory that a program takes, by itself."""

import subprocess
import sys

PEAK = """
def peak():
    from pathlib import Path
    if (status := Path("/proc/self/status")).exists():
        return 1024 * int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
"""``peak()`` in bytes. Not Linux's ``ru_maxrss``, which a new program takes over from the process that started it."""


def answer(program, *arguments):
    """The numbers that ``program``, which may call ``peak()``, prints."""
    command = [sys.executable, "-c", PEAK + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [float(number) for number in done.stdout.split()]
