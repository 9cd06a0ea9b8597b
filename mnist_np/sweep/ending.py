"""The end of a sweep: what is printed, and what makes its exit code another one than 0."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import console_table, notes
from mnist_np.terminal import counted

TROUBLED = 20
"""Runs of which it is printed what went wrong with them."""


class SweepFailed(Exception):  # noqa: N818 (what became of the sweep, told to the shell)
    """Some jobs of the sweep failed, or it was interrupted; all has been reported already. ``code`` is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def print_report(report: SweepReport, folder: Path, console: Console) -> None:
    """The ranked table, what went wrong with which run, and where the files are."""
    console.print(f"{report.name}: {report.overview()}", soft_wrap=True, markup=False)
    console.print(console_table(report, console.width))
    for line in notes(report):
        console.print(line, soft_wrap=True, markup=False)
    for child in report.troubled[:TROUBLED]:
        reason = (child.problem or child.reason).partition("\n")[0]
        console.print(f"  {child.status}: {child.folder.name}: {reason}", soft_wrap=True, markup=False)
    if (more := len(report.troubled) - TROUBLED) > 0:
        console.print(f"  and {more} more")
    console.print(f"files: {folder}", soft_wrap=True)


def failure_of(report: SweepReport) -> str:
    """Why a sweep that nobody stopped was no success; nothing where every run came to its end and wrote its files."""
    failed = report.counts["failed"]
    counts = {"failed": failed, "did not come to an end": len(report.unfinished) - failed}
    counts["could not write all their files"] = sum(bool(child.problem) for child in report.children)
    words = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    return f"of {counted(len(report.children), 'run')} {words}" if words else ""
