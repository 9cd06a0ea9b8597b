"""How busy the machine is with other people's work, from Linux's /proc; None where there is none."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter


@dataclass
class Load:
    """CPU seconds spent so far by everybody and by the given sessions (process groups' leaders) at one moment."""

    everybody: float
    own: float
    at: float

    @classmethod
    def now(cls, sessions: Collection[int]) -> Load | None:
        try:
            ticks = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
            busy = [int(t) for i, t in enumerate(ticks[:8]) if i not in (3, 4)]  # all but idle and waiting for disks
            hertz = os.sysconf("SC_CLK_TCK")
            return cls(sum(busy) / hertz, _of_sessions(sessions) / hertz, perf_counter())
        except OSError:
            return None


def foreign_cores(before: Load | None, after: Load | None) -> float | None:
    """Cores that were busy with what is not ours between two moments."""
    if before is None or after is None:
        return None
    foreign = (after.everybody - before.everybody) - (after.own - before.own)
    return max(0.0, foreign / max(after.at - before.at, 0.01))


def _of_sessions(sessions: Collection[int]) -> int:
    ticks = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            if int(fields[3]) in sessions:
                ticks += int(fields[11]) + int(fields[12])
    return ticks
