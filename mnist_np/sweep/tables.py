"""A sweep's ranked configurations as a table: for the console, for MLflow's note (markdown) and for programs (CSV, JSON)."""

from __future__ import annotations

import csv
import io

from rich.table import Table

from mnist_np.fitted_table import Column, fitted_table, markdown_table
from mnist_np.sweep.report import TEST, Configuration, Spread, SweepReport
from mnist_np.sweep.values import readable, short_names
from mnist_np.terminal import counted
from mnist_np.training.metric_names import is_fraction

TOP = 20
"""Rows that a person reads; the CSV has all."""

OPTIONAL = {"best": 1, "95 % interval": 2, TEST: 4, f"{TEST} mean ± sd": 4}
FURTHER = 5
"""Columns that a narrow terminal does without, the first one first, those of further objectives last: `configurations.csv` has
them."""

ROOM = " &emsp;"
"""After each cell of a table in Markdown: MLflow's page leaves no room between columns."""

DIRECTIONS = ("minimize", "maximize")
"""What is done with an objective, by whether more of it is better."""


def rows(report: SweepReport) -> list[dict[str, str | float | int | None]]:
    """A row per configuration, best first: rank, what varies, n, the metric and the test accuracy, the test against the best."""
    return [_row(rank, c, report) for rank, c in enumerate(report.configurations, start=1)]


def _row(rank: int, c: Configuration, report: SweepReport) -> dict[str, str | float | int | None]:
    metric, test = c.metric, c.test
    low, high = (metric.interval if metric else None) or (None, None)
    comparisons = report.verdict.comparisons
    against = comparisons[rank - 2] if metric and 2 <= rank < len(comparisons) + 2 else None
    return {
        "rank": rank if metric else None,
        **({"pareto_front": report.front.get(c.group)} if report.further else {}),
        **c.values,
        "n": c.valued if report.is_ranked else c.n,
        f"{report.column}_mean": metric.mean if metric else None,
        f"{report.column}_sd": metric.sd if metric else None,
        f"{report.column}_low95": low,
        f"{report.column}_high95": high,
        f"{report.column}_best": (metric.high if report.maximize else metric.low) if metric else None,
        "behind_best": against.difference if against else None,
        "p": against.p if against else None,
        "p_holm": against.p_holm if against else None,
        "p_wilcoxon": against.p_wilcoxon if against else None,
        **{f"{name}_mean": further.mean if further else None for name, further in c.further.items()},
        f"{TEST}_mean": test.mean if test else None,
        f"{TEST}_sd": test.sd if test else None,
        **{status: c.counts[status] for status in ("failed", "diverged", "pruned", "killed")},
        "linked": c.linked,
    }


def csv_text(report: SweepReport) -> str:
    """All rows, numbers in full, what is not known left empty."""
    table, text = rows(report), io.StringIO()
    writer = csv.DictWriter(text, list(table[0]) if table else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def summary(report: SweepReport) -> dict[str, object]:
    """All that the report says, as plain data for a JSON file: its counts, its best run, its configurations and children."""
    best = report.best
    return {
        "name": report.name,
        "metric": report.metric,
        "direction": DIRECTIONS[report.maximize],
        "further": {name: DIRECTIONS[more] for name, more in report.further.items()},
        "counts": report.counts,
        "skipped": report.skipped,
        "outdated": report.outdated,
        "best": {"run_id": best.run_id, "overrides": best.overrides, "metrics": best.metrics} if best else None,
        "configurations": rows(report),
        "children": [
            {
                "run_id": c.run_id,
                "folder": str(c.folder),
                "linked": c.linked,
                "fingerprint": c.fingerprint,
                "overrides": c.overrides,
                "status": c.status,
                "reason": c.reason,
                "metrics": c.metrics,
            }
            for c in report.children
        ],
    }


def console_table(report: SweepReport, width: int, top: int = TOP) -> Table:
    """The ranked configurations for a terminal of ``width`` characters; how many are cut off is said below."""
    header, body = readable_rows(report, top)
    short = short_names(param.key for param in report.params)
    optional = {f"{name}{mean}": FURTHER for name in report.further for mean in ("", " mean ± sd")} | OPTIONAL
    columns = [
        Column(short.get(name, name), cells, is_words=name in short, optional=optional.get(name, 0))
        for name, cells in zip(header, map(list, zip(*body, strict=True)) if body else [[] for _ in header], strict=True)
    ]
    return fitted_table(columns, width, bold_first=bool(report.best), caption=hidden(report, top))


def markdown(report: SweepReport, top: int = TOP) -> str:
    """The ranked configurations as a markdown table."""
    header, body = readable_rows(report, top)
    table = markdown_table(header, body, ROOM)
    return "\n\n".join(text for text in (table, hidden(report, top), *notes(report)) if text)


def readable_rows(report: SweepReport, top: int) -> tuple[list[str], list[list[str]]]:
    """Header and cells for a person: means with their spread in one cell; best of several, and trouble, where there is any.

    Of several objectives the Pareto front is marked, and before all else it is not cut off.
    """
    several = any(c.n > 1 for c in report.configurations)
    troubled = [s for s in ("failed", "diverged", "pruned", "killed", "running", "queued") if report.counts[s]]
    means = [*([report.column] if report.is_ranked else []), *report.further, TEST]
    if several:
        means = [f"{name} mean ± sd" for name in means]
        means[1:1] = ["95 % interval", "best"] if report.is_ranked else []
    rank, linked = ["#"] if report.is_ranked else [], ["linked"] if report.linked else []
    front = ["front"] if report.front else []
    header = [*rank, *front, *(param.key for param in report.params), "n", *means, *troubled, *linked]
    body = []
    for number, c in chosen(report, top):
        cells = [
            *("yes" if report.front.get(c.group) else "" for _ in front),
            *map(readable, c.values.values()),
            count(c, report),
        ]
        if report.is_ranked:
            best = [
                bounds(c.metric, report.metric),
                shown(c.metric.high if report.maximize else c.metric.low) if c.metric else "",
            ]
            place = f"{number}{report.verdict.mark(number)}" if c.metric else ""
            cells = [place, *cells, spread(c.metric), *(best if several else [])]
        cells += [*(spread(c.further[name]) for name in report.further), spread(c.test)]
        body.append(cells + [str(c.counts[status] or "") for status in troubled] + [str(c.linked or "") for _ in linked])
    return header, body


def chosen(report: SweepReport, top: int) -> list[tuple[int, Configuration]]:
    """Up to ``top`` configurations with their ranks: those on the Pareto front and the best of the others, in order."""
    ranked = list(enumerate(report.configurations, start=1))
    first = sorted(ranked, key=lambda pair: not report.front.get(pair[1].group))[:top]
    return sorted(first, key=lambda pair: pair[0])


def shown(value: float) -> str:
    """Four decimals, which is one example of ten thousand; large and tiny numbers by their first four digits, counts from 10 on
    in full."""
    if value.is_integer() and abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.4g}"


def count(c: Configuration, report: SweepReport) -> str:
    """``3``: the finished runs, which the means are of; ``2 of 3`` where not all of them have the metric that ranks."""
    return str(c.n) if c.valued == c.n or not report.is_ranked else f"{c.valued} of {c.n}"


def spread(values: Spread | None) -> str:
    """``0.9812 ± 0.0011``, or the mean alone where one run says nothing of the spread."""
    if values is None:
        return ""
    mean, same_count = shown(values.mean), values.sd == 0 and values.mean.is_integer()
    if values.sd is None or same_count:
        return mean
    return f"{mean} ± {shown(values.sd) if values.sd >= 1e3 or 'e' in mean else f'{values.sd:.4f}'}"


def bounds(values: Spread | None, metric: str) -> str:
    """``0.9801 to 0.9823``: the 95 % interval of the mean of several values of a metric; that of a fraction within 0 and 1."""
    if values is None or values.interval is None:
        return ""
    return " to ".join(shown(min(max(end, 0.0), 1.0) if is_fraction(metric) else end) for end in values.interval)


def hidden(report: SweepReport, top: int) -> str:
    """How many configurations a table of ``top`` leaves out."""
    n = len(report.configurations) - top
    return f"and {counted(n, 'more configuration')}" if n > 0 else ""


def notes(report: SweepReport) -> list[str]:
    """Lines below the table: what is missing in it, and why."""
    lines = [sentence] if (sentence := report.verdict.sentence()) and report.is_ranked else []
    if not report.is_ranked:
        validated = any(name.startswith("best/val_") for child in report.children for name in child.metrics)
        why = " (there is no validation data)" if "val_" in report.metric and not validated else ""
        lines.append(f"not ranked: the runs have no {report.metric}{why or ' that is a finite number'}")
    elif without := sum(c.n - c.valued for c in report.configurations):
        lines.append(f"left out of the means: {counted(without, 'finished run')} without a finite {report.metric}")
    if len(report.front) > 1:
        which = ", ".join(f"{DIRECTIONS[more]} {name}" for name, more in report.objectives.items())
        lines.append(f"on the Pareto front ({which}): {sum(report.front.values())} of {len(report.front)} configurations")
    if n := report.outdated:
        these = "1 outdated run is" if n == 1 else f"{n} outdated runs are"
        lines.append(f"{these} left out: earlier runs of this sweep that this command does not ask for")
    return lines
