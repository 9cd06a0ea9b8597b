"""A sweep's story as files in its own folder. With ``tracking=off`` it is all there is; else MLflow gets them from here."""

from __future__ import annotations

import json
from pathlib import Path

from mnist_np.files import write_atomically
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import csv_text, summary

FILES = ("configurations.csv", "summary.json", "figures")
"""What `publish` leaves."""


def publish(report: SweepReport, folder: Path) -> None:
    """Write the ranked configurations, everything as JSON, and the figures (those drawn before are replaced)."""
    from mnist_np.figures.sweep.draw import draw

    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "configurations.csv", csv_text(report))
    write_atomically(folder / "summary.json", json.dumps(summary(report), indent=2) + "\n")
    draw(report, folder / "figures")
