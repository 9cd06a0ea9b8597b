"""The parent's side of a measuring child process: a clean environment, one line of JSON each way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.cells import Cell, Mode

SCRIPTS = Path(__file__).parent.parent

SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Set on some machines; they cost NumPy a factor of 1.3 to 1.9."""


def clean_environment(threads: int | None = None) -> dict[str, str]:
    """This process's environment without what slows NumPy down, for so many BLAS and OpenMP threads."""
    numbers = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    dropped = (*SLOWING, *numbers, "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    path = [str(SCRIPTS), str(SCRIPTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept["PYTHONPATH"] = os.pathsep.join(path)  # this package, and the project as it is in this checkout
    return kept | (dict.fromkeys(numbers, str(threads)) if threads else {})


class Unmeasurable(Exception):  # noqa: N818 (an answer, not an error)
    """This mode cannot do this cell; the message says why."""


class Child:
    """A process that measures one mode, cell after cell. Ends when its standard input is closed, so never outlives us."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmark.child", json.dumps(asdict(mode))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(mode.threads),
            start_new_session=True,  # its CPU time is told from other people's by its session
        )

    def prepare(self, cell: Cell) -> str:
        """Make the child ready for a cell and warm it up; returns versions and kernel. Raises Unmeasurable."""
        return str(self.ask({"prepare": asdict(cell)})["kernel"])

    def run(self) -> float:
        """Milliseconds of one repetition; those by the clock are left in ``wall``."""
        answer = self.ask({"run": True})
        self.wall = float(answer["wall"])
        return float(answer["ms"])

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The child's answer to a request. Raises Unmeasurable."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise Unmeasurable(f"its process ended with code {self.process.wait()}")
        values: dict[str, Any] = json.loads(answer)
        if "cannot" in values:
            raise Unmeasurable(values["cannot"])
        return values

    def close(self) -> None:
        """End the child, by force if it does not listen."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.close()
            self.process.wait(timeout=5)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
