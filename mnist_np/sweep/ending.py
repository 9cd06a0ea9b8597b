"""The end of a sweep: what is printed, and its exit code."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import console_table, notes
from mnist_np.terminal import counted

LISTED = 20
"""Unsuccessful runs that are listed with their reason."""


class SweepFailed(Exception):  # noqa: N818 (it becomes the exit code)
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
    for child in report.unsuccessful[:LISTED]:
        reason = (child.problem or child.reason).partition("\n")[0]
        console.print(f"  {child.status}: {child.folder.name}: {reason}", soft_wrap=True, markup=False)
    if (more := len(report.unsuccessful) - LISTED) > 0:
        console.print(f"  and {more} more")
    console.print(f"files: {folder}", soft_wrap=True, markup=False)


def failure_of(report: SweepReport) -> str:
    """Why a sweep that was not stopped has failed; empty if every run has ended and written its files."""
    failed = report.counts["failed"]
    counts = {"failed": failed, "did not come to an end": len(report.unfinished) - failed}
    counts["could not write all their files"] = sum(bool(child.problem) for child in report.children)
    words = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    return f"of {counted(len(report.children), 'run')} {words}" if words else ""
