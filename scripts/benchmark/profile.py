"""Where the wall time of a command goes, part by part (`stopwatch.py`), and its memory at the peak."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import time

from benchmark.children import clean_environment
from benchmark.stopwatch import IMPORTS, TRAINING

PARTS = {
    "MlflowObserver": "MLflow",
    "RunFolder": "figures and files",
    "ConsoleReporter": "console",
    "Checkpointer": "checkpoints",
    "validation": "validation and test",
    "test": "validation and test",
}
"""Parts by what they are shown as."""


def profile(arguments: Sequence[str], rounds: int) -> str:
    """A markdown table of the parts of ``train.py ARGUMENTS``: medians over the rounds, the largest first.

    A run before them, which makes the tracker's database and the data's cache, does not count.
    """
    with tempfile.TemporaryDirectory() as outputs:
        runs = [_once(arguments, outputs) for _ in range(rounds + 1)][1:]
    parts = {part: median(seconds.get(part, 0.0) for seconds, _ in runs) for part in {p for s, _ in runs for p in s}}
    total = sum(parts.values())
    lines = ["| part | seconds | share |", "| --- | ---: | ---: |"]
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        lines.append(f"| {part} | {seconds:.2f} | {100 * seconds / total:.0f} % |")
    lines.append(f"| together | {total:.2f} | 100 % |")
    share = parts[TRAINING] / (total - parts[IMPORTS])
    lines.append(
        f"\nOf the time after imports {100 * share:.0f} % is training. Peak memory {max(peak for _, peak in runs):.0f} MiB. "
        f"Medians of {rounds} runs of `python scripts/train.py {' '.join(arguments)}`."
    )
    return "\n".join(lines)


def _once(arguments: Sequence[str], outputs: str) -> tuple[dict[str, float], float]:
    """Seconds by part, and MiB."""
    result = Path(outputs) / "stopwatch.json"
    environment = clean_environment() | {"MNIST_NP_OUTPUTS": outputs}
    command = [sys.executable, "-m", "benchmark.stopwatch", str(time()), str(result), *arguments]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    found = json.loads(result.read_text())
    seconds: dict[str, float] = {}
    for part, value in found["seconds"].items():
        shown = PARTS.get(part.partition(".")[0], part)
        seconds[shown] = seconds.get(shown, 0.0) + value
    return seconds, found["peak_mib"]
