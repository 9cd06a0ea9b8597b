"""The note of a sweep's parent run, in markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import TOP, markdown, shown
from mnist_np.sweep.values import title
from mnist_np.tracking.index import escaped, link

LONGEST_TAG = 8000
"""Characters that MLflow keeps of a tag, and so of a note."""

WIDEST = 700
"""Pixels of a picture in a note: a wider one pushes what stands beside it out of a window of 1440."""


def picture(folder: Path) -> str | None:
    """The name of the figure in ``folder`` that the note shows: the heat map, if it is narrow enough, or the curves."""
    for name in ("heat_map.png", "overview.png"):
        path = folder / name
        if path.exists() and int.from_bytes(path.read_bytes()[16:20], "big") <= WIDEST:  # the width in a PNG's header
            return name
    return None


def sweep_note(
    report: SweepReport, pages: Mapping[str, str], best_page: str | None, run_id: str, figure: str | None, command: str
) -> str:
    """The note of the parent run ``run_id``: counts, best run and links first, since MLflow folds the rest away; then the
    ranking as far as it fits, a picture, and how to continue.
    """
    best, lines = report.best, [f"**{escaped(report.name)}**: {report.overview()}"]
    if best is not None:
        name = title(best.overrides)
        run = link(name, best_page) if best_page else escaped(name)
        lines[0] += f" · best: {run}, {report.column} {shown(report.best_value or 0.0)}"
    lines.append(" · ".join(link(name, page) for name, page in pages.items()))
    if len(report.configurations) == len(report.children) > 1:
        lines.append("Every configuration has one run, so there are no means: add seeds with `'seed=range(3)'`.")
    last = [f"![{figure}](get-artifact?path=figures%2F{figure}&run_uuid={run_id})"] if figure else []
    if command:
        last.append(f"Continue it, or extend it by further values: {code(command)}")
    for top in range(min(TOP, len(report.configurations)), -1, -1):
        text = "\n\n".join([*lines, *([markdown(report, top)] if top else []), *last])
        if len(text) <= LONGEST_TAG:
            return text
    return "\n\n".join(lines)[:LONGEST_TAG]


def code(text: str) -> str:
    """``text`` as code that is broken at spaces where it does not fit, unlike a block of code."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
