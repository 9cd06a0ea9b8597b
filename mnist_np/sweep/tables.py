"""A sweep's ranked configurations as a table: for the console, for MLflow's note (markdown) and for programs (CSV, JSON)."""

from __future__ import annotations

import csv
import io
from typing import Any

from rich.markup import escape
from rich.table import Table

from mnist_np.sweep.report import TEST, Configuration, Spread, SweepReport
from mnist_np.sweep.values import readable, short_names

TOP = 20
"""Rows that a person reads; the CSV has all."""


def rows(report: SweepReport) -> list[dict[str, str | float | int | None]]:
    """A row per configuration, best first: rank, what varies, n, mean/sd/best of the metric and of the test accuracy."""
    return [_row(rank, c, report) for rank, c in enumerate(report.configurations, start=1)]


def _row(rank: int, c: Configuration, report: SweepReport) -> dict[str, str | float | int | None]:
    metric, test = c.metric, c.test
    return {
        "rank": rank if metric else None,
        **c.values,
        "n": metric.n if metric else 0,
        f"{report.column}_mean": metric.mean if metric else None,
        f"{report.column}_sd": metric.sd if metric else None,
        f"{report.column}_best": (metric.high if report.maximize else metric.low) if metric else None,
        **{f"{name}_mean": further.mean if further else None for name, further in c.further.items()},
        f"{TEST}_mean": test.mean if test else None,
        f"{TEST}_sd": test.sd if test else None,
        **{status: c.counts[status] for status in ("failed", "diverged", "pruned", "killed")},
    }


def csv_text(report: SweepReport) -> str:
    """All rows, numbers in full, what is not known left empty."""
    table, text = rows(report), io.StringIO()
    writer = csv.DictWriter(text, list(table[0]) if table else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def summary(report: SweepReport) -> dict[str, Any]:
    """All that the report says, as plain data for a JSON file: its counts, its best run, its configurations and children."""
    best = report.best
    return {
        "name": report.name,
        "metric": report.metric,
        "direction": "maximize" if report.maximize else "minimize",
        "counts": report.counts,
        "skipped": report.skipped,
        "best": {"run_id": best.run_id, "overrides": best.overrides, "metrics": best.metrics} if best else None,
        "configurations": rows(report),
        "children": [
            {"run_id": c.run_id, "overrides": c.overrides, "status": c.status, "reason": c.reason, "metrics": c.metrics}
            for c in report.children
        ],
    }


def console_table(report: SweepReport, top: int = TOP) -> Table:
    """The ranked configurations for the terminal; what is cut off is said below."""
    header, body = _readable(report, top)
    caption = _rest(report, top)
    table = Table(title=f"{report.name}: {report.overview()}", caption=caption, title_justify="left", caption_justify="left")
    short = short_names(param.key for param in report.params)
    for name in header:
        words = name in short
        table.add_column(short.get(name, name), justify="left" if words else "right", overflow="fold" if words else "ellipsis")
    for i, cells in enumerate(body):
        table.add_row(*map(escape, cells), style="bold" if i == 0 and report.best else None)
    return table


def markdown(report: SweepReport, top: int = TOP) -> str:
    """The ranked configurations as a markdown table."""
    header, body = _readable(report, top)
    wide = [f"{name} &emsp;" for name in header]  # MLflow leaves no room between columns, and aligns all to the left
    lines = [wide, ["---" for _ in header], *body]
    table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
    rest = _rest(report, top)
    return f"{table}\n\n{rest}" if rest else table


def _readable(report: SweepReport, top: int) -> tuple[list[str], list[list[str]]]:
    """Header and cells for a person: means with their spread in one cell; best of several, and trouble, where there is any."""
    several = any(c.metric and c.metric.n > 1 for c in report.configurations)
    troubled = [s for s in ("failed", "diverged", "pruned", "killed", "running", "queued") if report.counts[s]]
    further = list(report.further)
    means = [report.column, *further, TEST]
    if several:
        means = [f"{report.column} mean ± sd", "best", *(f"{name} mean ± sd" for name in further), f"{TEST} mean ± sd"]
    header = ["#", *(param.key for param in report.params), "n", *means, *troubled]
    body = []
    for rank, c in enumerate(report.configurations[:top], start=1):
        n = c.metric.n if c.metric else 0
        best = [shown(c.metric.high if report.maximize else c.metric.low) if c.metric else ""] if several else []
        trouble = [str(c.counts[status] or "") for status in troubled]
        first = [str(rank) if n else "", *map(readable, c.values.values()), str(n)]
        others = [spread(c.further[name]) for name in further]
        body.append([*first, spread(c.metric), *best, *others, spread(c.test), *trouble])
    return header, body


def shown(value: float) -> str:
    """Four decimals, which is one example of ten thousand; large and tiny numbers by their first four digits, counts in full."""
    if value.is_integer() and abs(value) >= 1e3:
        return f"{value:,.0f}"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.4g}"


def spread(values: Spread | None) -> str:
    """``0.9812 ± 0.0011``, or the mean alone where one run says nothing of the spread."""
    if values is None:
        return ""
    same_count = values.sd == 0 and values.mean.is_integer()
    return shown(values.mean) + ("" if values.sd is None or same_count else f" ± {values.sd:.4f}")


def _rest(report: SweepReport, top: int) -> str:
    hidden = len(report.configurations) - top
    return f"and {hidden} configuration{'' if hidden == 1 else 's'} more" if hidden > 0 else ""
