"""How a training is computed: by how many processes, with how many BLAS threads.

The results are the same but for rounding, and to the last bit in the same mode. So the mode is recorded with the run, and a run
that is continued or repeated keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mnist_np.terminal import counted

MOST_THREADS = 1024
"""More are not believed."""


@dataclass(frozen=True)
class Mode:
    """``processes`` that train a network together, each with so many BLAS ``threads``."""

    processes: int = 1
    threads: int = 1

    def __str__(self) -> str:
        threads = counted(self.threads, "BLAS thread")
        return f"{self.processes} processes, {threads} each" if self.processes > 1 else f"1 process, {threads}"

    @property
    def record(self) -> dict[str, int]:
        """Plain data, of which `recorded` makes the mode again."""
        return {"processes": self.processes, "threads": self.threads}


def recorded(found: object) -> Mode | None:
    """The mode of a record that was read from a file; None where it holds none that can be."""
    if not isinstance(found, dict):
        return None
    processes, threads = found.get("processes"), found.get("threads")
    if type(processes) is not int or type(threads) is not int or not 1 <= threads <= MOST_THREADS:
        return None
    return Mode(processes, threads) if processes == 1 or (processes, threads) == (2, 1) else None
