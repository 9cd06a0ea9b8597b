"""Available memory, so that what cannot fit is refused before it is allocated."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mnist_np.component import UserError

MEMINFO, STATM, CGROUP = Path("/proc/meminfo"), Path("/proc/self/statm"), Path("/sys/fs/cgroup")


class NotEnoughMemory(UserError):  # noqa: N818 (says what is the matter)
    """Not enough memory. The message says what needs how much."""


def available() -> int:
    """Bytes that this process may still take: of what the machine has free, its control group allows and its limits leave.

    What cannot be found out (these files are Linux's) counts as unlimited, but for the machine's own memory.
    """
    return min(_free(), _in_control_group(), _address_space())


def need(n: int, what: str) -> None:
    """Raise NotEnoughMemory unless there are about ``n`` bytes left for ``what``."""
    there = available()
    if n > there:
        raise NotEnoughMemory(f"{what} takes about {amount(n)} of memory, and {amount(there)} are free")


def _free() -> int:
    """What the machine has free, or could free; where that is not known, all that it has."""
    with suppress(OSError, ValueError, KeyError):
        fields = {line.split(":")[0]: line.split()[1] for line in MEMINFO.read_text().splitlines()}
        return 1024 * (int(fields["MemAvailable"]) + int(fields["SwapFree"]))
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 1 << 62


def _in_control_group() -> int:
    """What the control group (a container's) leaves: its files may be given up, its other memory not."""
    with suppress(OSError, ValueError, KeyError):
        fields = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        return max(0, int((CGROUP / "memory.max").read_text()) - int(fields["anon"]))  # "max" is no number
    return 1 << 62


def _address_space() -> int:
    """What ``ulimit -v`` leaves."""
    with suppress(OSError, ValueError, ImportError):
        import resource  # not on Windows

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            return max(0, limit - int(STATM.read_text().split()[0]) * resource.getpagesize())
    return 1 << 62


def amount(n: int) -> str:
    """``257.0 GB``."""
    return f"{n / 1e9:,.1f} GB" if n < 10**30 else "more than 10^21 GB"
