"""The training log of a record: ``docs/results/<row>.csv``, a line for each epoch of each of its runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from mnist_np.files import write_atomically
from mnist_np.storage.records import read_history
from mnist_np.storage.run_folder import as_csv

DIGITS = 6
"""Significant digits of the numbers of a log, which is kept in the repository."""


def log_of(folder: Path, name: str) -> Path:
    """The file of a row's log."""
    return folder / f"{name}.csv"


def write_log(path: Path, histories: Mapping[int, list[dict[str, float]]], kept: Collection[int]) -> None:
    """Write the log with the epochs of new runs, and those of earlier ones that it has.

    Args:
        path: the file.
        histories: seed -> the rows of the run's ``history.csv``.
        kept: the seeds of the earlier runs.
    """
    earlier = set(kept) - set(histories)
    lines = [line for line in read_history(path) if "epoch" in line and line.get("seed") in earlier]
    lines += [{"seed": seed, **epoch} for seed, history in histories.items() for epoch in history]
    lines.sort(key=lambda line: (line["seed"], line["epoch"]))
    columns = list(dict.fromkeys(key for line in lines for key in line))
    rounded = [{key: float(f"{value:.{DIGITS}g}") for key, value in line.items()} for line in lines]
    whole = [line | {key: int(line[key]) for key in ("seed", "epoch")} for line in rounded]
    write_atomically(path, as_csv(columns, whole))
