"""What operating systems do differently: every function that macOS or another POSIX system lacks is guarded here."""

from __future__ import annotations

import mmap
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from time import sleep

LONGEST_FOLDER = 60
"""Characters of a folder in which Python can make its sockets: their whole path may have 103 on macOS and 107 on Linux."""


def cores() -> int:
    """The cores that this process may use; where the system does not tell (macOS), all that there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def processor() -> str:
    """The processor's name, as its maker gives it: ``Intel(R) Xeon(R) CPU @ 2.20GHz``."""
    with suppress(OSError):
        if found := re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE):
            return found[1].strip()
    with suppress(OSError, subprocess.SubprocessError):
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]  # macOS
        if name := subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False).stdout.strip():
            return name
    return platform.machine()


def load() -> float:
    """How many processes wanted a core on average during the last minute; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def anonymous_file(size: int) -> int:
    """The descriptor of ``size`` bytes without a name, in memory on Linux, else in a temporary file that is deleted already."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("mnist-np")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd


def give_way() -> None:
    """Let another process have this core."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        sleep(0)


def orders_writes() -> bool:
    """Whether another process sees this one's writes to shared memory in their order without being told to (x86-64)."""
    return platform.machine().lower() in ("x86_64", "amd64")


def let_go(mapped: mmap.mmap, start: int, length: int) -> None:
    """Tell the system that a part of a mapped file need not stay in memory, where it can be told."""
    if hasattr(mapped, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED, start, length)


@contextmanager
def room_for_sockets() -> Iterator[None]:
    """Within the context new temporary files lie in /tmp, if the path of their usual folder is too long for a socket's."""
    before = tempfile.tempdir
    if len(tempfile.gettempdir()) > LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
    try:
        yield
    finally:
        tempfile.tempdir = before
