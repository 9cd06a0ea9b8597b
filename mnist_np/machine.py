"""What operating systems do differently: every function that macOS or another POSIX system lacks is guarded here."""

from __future__ import annotations

import math
import mmap
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PurePosixPath
from time import sleep

LONGEST_FOLDER = 60
"""Characters of a folder in which Python can make its sockets: their whole path may have 103 on macOS and 107 on Linux."""


def cores() -> int:
    """The cores that this process may use; where the system does not tell (macOS), all that there are.

    Counted are those of its affinity, and no more than the time that its control group may take of them (a container's limit).
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, int(min(len(os.sched_getaffinity(0)), cgroup_cores())))
    return os.cpu_count() or 1


@cache
def cgroup_cores(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float:
    """How many cores' time the control groups of this process may take; infinity where there is no limit."""
    limit = math.inf
    with suppress(OSError, ValueError):
        for line in own.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            base = root / controllers if controllers else root  # with controllers: of version 1
            files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            for part in (PurePosixPath(group), *PurePosixPath(group).parents):
                with suppress(OSError, ValueError, ZeroDivisionError):  # ValueError: "max", which is no limit
                    folder = base / part.relative_to("/")
                    quota, period = (int(word) for name in files for word in (folder / name).read_text().split())
                    limit = min(limit, quota / period) if quota > 0 else limit
    return limit


def starts_python() -> bool:
    """Whether `sys.executable` starts another Python: not in a program that holds Python within itself."""
    return not getattr(sys, "frozen", False) and Path(sys.executable or "").name.lower().startswith(("python", "pypy"))


def is_pool_worker() -> bool:
    """Whether this process was started by `multiprocessing`, to work beside others on the same machine."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


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


def yield_core() -> None:
    """Yield this core to another process."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        sleep(0)


def orders_writes() -> bool:
    """Whether another process sees this one's writes to shared memory in their order without a memory barrier (x86-64)."""
    return platform.machine().lower() in ("x86_64", "amd64")


def release_pages(mapped: mmap.mmap, start: int, length: int) -> None:
    """Release the pages of a part of a mapped file, where the system can do that."""
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
