"""The files of a sweep's report, written into its folder. MLflow gets copies of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mnist_np.files import write_atomically
from mnist_np.sweep.html_report import html_report
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import csv_text, summary

FILES = ("configurations.csv", "summary.json", "figures", "report.html")
"""What `publish` leaves."""


def publish(report: SweepReport, folder: Path, commands: Mapping[str, str]) -> None:
    """Write the ranked configurations, everything as JSON, the figures (those drawn before are replaced) and all as a page.

    ``commands`` are the command lines that made the sweep and that go on with it, by what they do.
    """
    from mnist_np.figures.sweep.draw import draw

    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "configurations.csv", csv_text(report))
    write_summary(report, folder, commands)
    pictures = draw(report, folder / "figures")
    write_atomically(folder / "report.html", html_report(report, pictures, commands))


def write_summary(report: SweepReport, folder: Path, commands: Mapping[str, str]) -> None:
    """Write everything as JSON; at the start of a sweep, that one that is killed tells by what it ranks and how it was made."""
    write_atomically(folder / "summary.json", json.dumps(summary(report) | {"commands": dict(commands)}, indent=2) + "\n")
