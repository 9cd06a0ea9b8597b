"""The report of a sweep as one HTML file: the verdict, the table, the figures, the configs, and commands for what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from mnist_np.files import near, read_regular
from mnist_np.html_page import facts, page, picture, table
from mnist_np.storage.config_file import MAX_BYTES
from mnist_np.storage.records import read_json
from mnist_np.sweep.children import Child
from mnist_np.sweep.report import TEST, SweepReport
from mnist_np.sweep.tables import hidden, notes, readable_rows, shown
from mnist_np.sweep.values import title
from mnist_np.terminal import duration

MOST = 200
"""Configurations in the table; the sweep's CSV has all."""

PART = "overview"
"""The figure that is the left half of the learning curves."""

LISTED = 50
"""Runs of which it is said what went wrong."""

CAPTIONS = {
    "learning_curves": "Learning curves of the best configurations: mean over seeds, band from the least to the greatest",
    "pareto_front": "The objectives of each configuration; those on the Pareto front are the ones that no other dominates",
    "parallel_coordinates": "Each line is a configuration: its values and what it reached",
    "heat_map": "The metric over the two most important parameters, mean over all else",
    "main_effects": "The metric over each parameter, mean over all else",
    "interactions": "The metric over the most important number, a line for each value of the most important other parameter",
    "importance": "How much of the metric's spread each parameter explains",
}
"""What is written below a figure; others are called by their file's name."""


def html_report(report: SweepReport, pictures: Mapping[str, bytes], commands: Mapping[str, str]) -> str:
    """The page.

    Args:
        report: the sweep.
        pictures: its figures as PNG, by name.
        commands: command lines by what they do; empty ones are left out.
    """
    verdict, *others = notes(report) or [""]
    content = [paragraph(report.overview(), "second")]
    content += [paragraph(verdict, "verdict")] if verdict else []
    content += [paragraph(line) for line in others]
    content += best_run(report)
    if report.children:
        header, rows = readable_rows(report, MOST)
        words = range(report.is_ranked, report.is_ranked + bool(report.front) + len(report.params))
        content += ["<h2>Configurations</h2>", table(header, rows, words, "configurations, best first", bool(report.best))]
        content.append(paragraph(hidden(report, MOST), "second"))
    if pictures:
        content.append("<h2>Figures</h2>")
        content += [picture(png, CAPTIONS.get(name, name.replace("_", " "))) for name, png in pictures.items() if name != PART]
    content += unsuccessful(report)
    if lines := [(what, line) for what, line in commands.items() if line]:
        content += ["<h2>Commands</h2>", *(f"{paragraph(what, 'second')}<pre>{escape(line)}</pre>" for what, line in lines)]
    if run := report.best or next((child for child in report.children if child.status == "finished"), None):
        content += [f"<h2>The config of {'the best run' if report.best else 'a run'}</h2>", config_of(run)]
        content += ["<h2>How it was made</h2>", facts(circumstances(run, report.children))]
    return page(f"Sweep: {report.name}", content)


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of text; nothing where there is none."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>" if text else ""


def best_run(report: SweepReport) -> list[str]:
    """The best run with what varies and what it reached."""
    best = report.best
    if best is None or report.best_value is None:
        return []
    test = [(TEST, shown(best.metrics[TEST]))] if TEST in best.metrics else []
    ids = [("MLflow id", best.run_id)] if best.run_id else []
    reached = [(report.metric, shown(report.best_value)), *test]
    known = [*best.overrides.items(), *reached, *ids, ("folder", near(best.folder))]
    return ["<h2>Best single run</h2>", facts(known)]


def unsuccessful(report: SweepReport) -> list[str]:
    """The runs that failed, diverged or were killed, and why."""
    if not report.unsuccessful:
        return []
    rows = [(title(c.overrides), c.status, (c.problem or c.reason).partition("\n")[0]) for c in report.unsuccessful[:LISTED]]
    more = len(report.unsuccessful) - LISTED
    return [
        "<h2>What went wrong</h2>",
        table(("run", "status", "reason"), rows, range(3), "runs that did not finish"),
        paragraph(f"and {more} more" if more > 0 else "", "second"),
    ]


def config_of(run: Child) -> str:
    """The run's config.yaml."""
    try:
        text = read_regular(run.folder / "config.yaml", MAX_BYTES).decode(errors="replace")
    except OSError:
        return paragraph("its config.yaml is not there", "second")
    return f"<details><summary>config.yaml</summary><pre>{escape(text)}</pre></details>"


def circumstances(run: Child, children: Iterable[Child]) -> list[tuple[str, str]]:
    """Software, machine and time, as the run recorded them."""
    result = read_json(run.folder / "result.json")
    versions, blas, git = (part if isinstance(part := result.get(key), dict) else {} for key in ("versions", "blas", "git"))
    changed = ", with uncommitted changes" if git.get("dirty") else ""
    seconds = sum(child.metrics.get("time/total_s", 0.0) for child in children)
    known = [
        ("code", f"commit {str(git['commit'])[:12]}{changed}" if git.get("commit") else ""),
        ("software", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("BLAS", " ".join(str(blas[key]) for key in ("name", "version") if key in blas)),
        ("this run", " to ".join(str(result[key]) for key in ("started", "ended") if result.get(key))),
        ("training of all runs", duration(seconds)),
    ]
    return [(name, text) for name, text in known if text]
