"""The runs under an ``outputs`` folder by fingerprint, found by the files in their folders."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from mnist_np.storage.records import last_lines, parsed, read_history, read_json

DEPTH = 4
"""Levels of folders below ``outputs`` that are looked at: ``runs/<date>/<time>`` and ``sweeps/<sweep>/<run>`` have three."""

NOT_RUNS = ("artifacts", "mlruns", "replaced", "figures", "checkpoints")
"""Folders that are passed over: MLflow's copies, runs that were replaced, and parts of runs."""

FINAL = ("finished", "diverged", "pruned")
"""Statuses that running again would only repeat."""

UNPRUNED = ("finished", "diverged")
"""Those that do not depend on the runs beside it."""


class RunIndex:
    """The runs under ``outputs`` as they are now, by fingerprint. Made by one walk; what comes later is not seen."""

    def __init__(self, outputs: Path) -> None:
        self.folders: dict[str, list[Path]] = defaultdict(list)
        for folder in run_folders(outputs):
            if found := fingerprint_of(folder):
                self.folders[found].append(folder)

    def within(self, fingerprint: str, sweep: Path, tracked: bool) -> Path | None:
        """The run with this fingerprint that lies in the folder ``sweep``: a final one, if there are several."""
        own = [folder for folder in self.folders.get(fingerprint, ()) if folder.parent == sweep]
        return next((folder for folder in own if is_final(folder, tracked)), own[0] if own else None)

    def finished(self, fingerprint: str, tracked: bool, columns: Sequence[str] = ()) -> Path | None:
        """A run with this fingerprint that has ended by itself. Whether one is pruned depends on the other runs."""
        folders = (folder for folder in self.folders.get(fingerprint, ()) if has_columns(folder, columns))
        return next((folder for folder in folders if is_final(folder, tracked, UNPRUNED)), None)

    def over(
        self, fingerprint: str, sweep: Path, tracked: bool, columns: Sequence[str], statuses: tuple[str, ...] = FINAL
    ) -> Path | None:
        """A run with this fingerprint that need not run again: that of the sweep in the folder ``sweep``, or one of elsewhere.

        Args:
            fingerprint: of the run.
            sweep: the sweep's folder.
            tracked: whether its end must be in its journal too.
            columns: metrics that its epochs must have.
            statuses: those of which the sweep's own may have one.
        """
        own = self.within(fingerprint, sweep, tracked)
        if own and is_final(own, tracked, statuses) and has_columns(own, columns):
            return own
        return self.finished(fingerprint, tracked, columns)


def run_folders(outputs: Path) -> Iterator[Path]:
    """The folders of all runs under ``outputs``, in the order of their paths.

    Links are followed at the first level alone: ``sweeps`` may lie on another disk.
    """
    pending, inside = [(outputs, 0)], [os.path.realpath(outputs)]
    while pending:
        folder, depth = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        if any(entry.name == "run.json" for entry in entries):
            yield folder
        elif depth < DEPTH:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=depth == 0))
            names = [name for name in names if name not in NOT_RUNS and name[0] != "."]
            if depth == 0:
                own_first = sorted(names, key=lambda name: name not in ("runs", "sweeps"))  # of two links to one folder
                names = sorted(name for name in own_first if leads_elsewhere(folder / name, inside))
            pending += [(folder / name, depth + 1) for name in reversed(names)]


def leads_elsewhere(folder: Path, known: list[str]) -> bool:
    """Whether ``folder`` is no link, or one that shares nothing with the ``known`` folders; then its target is one of them."""
    if not folder.is_symlink():
        return True
    target = os.path.realpath(folder)
    if any(os.path.commonpath([target, path]) in (target, path) for path in known):
        return False
    known.append(target)
    return True


def fingerprint_of(folder: Path) -> str:
    """The fingerprint of the run in ``folder``, or nothing where its files do not tell."""
    found = read_json(folder / "run.json").get("fingerprint") or read_json(folder / "result.json").get("fingerprint")
    return found if isinstance(found, str) else ""


def is_final(folder: Path, tracked: bool, statuses: tuple[str, ...] = FINAL) -> bool:
    """Whether the run in ``folder`` has one of ``statuses`` and nothing left to do.

    Where runs are ``tracked``, a run that has a journal is over only when the journal says so too, in the same words: a
    process that was killed before has left something to deliver.
    """
    status = read_json(folder / "result.json").get("status")
    if status not in statuses:
        return False
    return not tracked or not (folder / "journal.jsonl").exists() or journal_status(folder) == status


def has_columns(folder: Path, names: Sequence[str]) -> bool:
    """Whether every epoch of the run in ``folder`` has these metrics: one that went on with others has them in part only."""
    if not names:
        return True
    rows = read_history(folder / "history.csv")
    return bool(rows) and all(row.keys() >= set(names) for row in rows)


def journal_status(folder: Path) -> str | None:
    """The status with which the journal of the run in ``folder`` ends; None where it has not come to its end."""
    lines = [parsed(line) for line in last_lines(folder / "journal.jsonl", 2)]
    if len(lines) < 2 or lines[-1].get("kind") != "end":
        return None
    tags = lines[-2].get("tags")
    status = tags.get("status") if isinstance(tags, dict) else None
    return status if isinstance(status, str) else None
