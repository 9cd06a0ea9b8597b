"""``docs/results.md``: the table of published results and ours, made from the files of results and the declared rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from mnist_np.figures.papers import Compared, draw
from mnist_np.files import write_atomically
from mnist_np.fitted_table import markdown_table
from mnist_np.papers.logs import log_of
from mnist_np.papers.outcomes import Reproduction, path_of
from mnist_np.papers.rows import PARTS, SOURCES, WITHOUT_VERDICT, Row
from mnist_np.papers.training import command
from mnist_np.papers.verdict import LEVEL, OPEN, record_p_value
from mnist_np.sweep.report import Spread
from mnist_np.terminal import duration

INTRODUCTION = """# Published results, reproduced

What the recipes in `conf/experiment/` reach beside what was published. This page is written by the command
`python scripts/reproduce.py` (or `mnist-np reproduce`) from the small files in `docs/results/`, which hold the config,
and for each seed the error, the times, the commit, the versions and the processor. Without arguments the command shows
what is missing and how long it takes; with `ROW` it trains what is missing of a row, with `ROW --again` it trains a
recorded row once more and compares every digit.

Errors are in percent of the 10,000 test images (of the 10,000 validation images where it says so). The weights are
those of the last epoch, or of the epoch that the validation images chose; no test image chose anything. Ours is mean
± standard deviation over n seeds. The verdict:

- **PASS**: at least three seeds, and their mean is not above the published error, or differs from it by at most 2
  √(s_paper² + s_ours² / n). An sd that is not published counts as 0.
- **CLOSE**: by at most 2 binomial standard deviations of an error that is measured on 10,000 images.
- **MISS**: by more.
- **open**: fewer than three runs yet, each of which takes the time that the table says.

A row that is only said to be lower than another one: **PASS** if its mean is lower by at least 2 standard errors of the
difference, **CLOSE** if it is lower by less, else **MISS**. A run that diverged or failed has no error and is not among the n.

Times are means over runs of one process on one core, those of the records (but the last) and of `one_hour` over runs of two
processes on two. *Loaded*: some were recorded while the machine had more work than cores, so that the true time is shorter.
"""

COLUMNS = ("result", "published", "ours", "n", "verdict", "time of a run")


def write_page(folder: Path, found: Mapping[str, Reproduction]) -> None:
    """Write the page of ``folder``, the files of results, and its figure: of ``results`` results.md and images/results.png."""
    write_atomically(page_of(folder), text_of(found, quote(folder.name)))
    compared = [
        Compared(there.row.title, there.row.published, there.row.sd or 0.0, there.errors, there.verdict(found))
        for part in PARTS
        if part not in WITHOUT_VERDICT
        for there in of_part(found, part)
        if there.runs and there.row.published is not None
    ]
    if compared:
        draw(compared, folder.parent / "images" / f"{folder.name}.png")


def page_of(folder: Path) -> Path:
    """The page of a folder of results: beside it and of its name, so that no other folder's page is written over."""
    return folder.parent / f"{folder.name}.md"


def text_of(found: Mapping[str, Reproduction], name: str = "results") -> str:
    """The page as Markdown; ``name`` is that of the folder of results beside it."""
    lines = [INTRODUCTION]
    counts = Counter(there.verdict(found) for there in found.values())
    said = ", ".join(f"{counts[word]} {word}" for word in ("PASS", "CLOSE", "MISS", OPEN) if counts[word])
    lines += [f"So far: {said or 'nothing has been run'}.", ""]
    if any(there.runs and there.row.published is not None for there in found.values()):
        lines += [f"![Published errors and ours](images/{name}.png)", ""]
    for part, heading in PARTS.items():
        rows = of_part(found, part)
        if rows:
            lines += [f"## {heading}", "", *(records(rows, name) if part == "record" else table(rows, found, name)), ""]
    explained = [there for there in found.values() if there.runs and there.row.explanation]
    if explained:
        lines += ["## Where the numbers differ", ""]
        for there in explained:
            verdict = f" ({word})" if (word := there.verdict(found)) else ""  # a record has none
            lines += [f"**{there.row.title}**{verdict}. {there.row.explanation}", ""]
    lines += [
        "## The commands",
        "",
        "Each trains the runs of a row as a sweep; `mnist-np reproduce ROW` runs it and keeps the numbers.",
        "",
    ]
    lines += ["```bash", *(command(there.row) for there in found.values() if there.row.overrides), "```"]
    return "\n".join(lines) + "\n"


def of_part(found: Mapping[str, Reproduction], part: str) -> list[Reproduction]:
    """The rows of a part, in the order that they are declared in."""
    return [there for there in found.values() if there.row.part == part]


def table(rows: list[Reproduction], found: Mapping[str, Reproduction], folder: str) -> Iterator[str]:
    """The rows as a Markdown table; below it, where it leaves the columns their width, what is not as published."""
    lines, notes = [], {}
    for there in rows:
        row = there.row
        verdict, ours, n = there.verdict(found), percent(there.spread), str(len(there.runs) or "")
        shown = f"**{verdict}**" if verdict not in ("", OPEN) else verdict
        lines.append([linked(there, folder), published(row), ours, n, shown, time_of(there)])
        needs = f"needs {row.needs}, not in this package yet" if row.needs else ""
        notes[row.title] = "; ".join(filter(None, [SOURCES[row.source], row.deviations, needs]))
    yield markdown_table(COLUMNS, lines)
    yield from below("What is not as published, or not stated there:", notes)


def records(rows: list[Reproduction], folder: str) -> Iterator[str]:
    """The records: time to a mean accuracy, with the test that they passed."""
    yield "The seconds are those of the training steps alone: data in memory, evaluation and imports not counted. A record holds"
    yield f"if the mean test accuracy over ten seeds is above its mark with p < {LEVEL:g} in a one-sided t test."
    yield "`mnist-np reproduce --records` measures the times of this machine; records of more than a minute a run are named:"
    yield "`mnist-np reproduce --records record_995`. The logs have a line for each epoch of each seed."
    yield ""
    columns = ("record", "mark", "test accuracy", "n", "p", "holds", "seconds of training", "log")
    lines, notes = [], {}
    for there in rows:
        row, mark = there.row, there.row.published or 0.0
        p = record_p_value(there.errors, mark)
        holds = "" if p is None else OPEN if len(there.runs) < row.seeds else "yes" if p < LEVEL else "no"
        accuracy = percent(Spread.of(100 - error for error in there.errors))
        said, n = "" if p is None else f"{p:.1g}", str(len(there.runs) or "")
        log = f"[log]({log_of(Path(folder), row.name).as_posix()})" if there.runs else ""
        lines.append([linked(there, folder), f"{100 - mark:g} %", accuracy, n, said, holds, seconds_of(there), log])
        trained_by = sorted({f"{run.cpu}; {run.blas}" for run in there.runs})
        notes[row.title] = "; ".join(filter(None, [row.deviations, *trained_by]))
    yield markdown_table(columns, lines)
    yield from below("How they were chosen, and what trained them:", notes)


def below(heading: str, notes: Mapping[str, str]) -> Iterator[str]:
    """What is said of the rows under their table, once where it is the same; ``notes``: title -> note."""
    said: dict[str, list[str]] = {}
    for title, note in notes.items():
        if note:
            said.setdefault(note, []).append(title)
    if said:
        yield from ("", heading, "", *(f"- *{'; '.join(titles)}*: {note}." for note, titles in said.items()))


def linked(there: Reproduction, folder: str) -> str:
    """The row's title, and a link to its file, if it has one."""
    title = there.row.title
    return f"[{title}]({path_of(Path(folder), there.row.name).as_posix()})" if there.runs else title


def published(row: Row) -> str:
    """``1.23 ± 0.06``, with the split where it is not the test split."""
    if row.published is None:
        return f"lower than {row.below}" if row.below else ""
    sd = f" ± {row.sd:.2f}" if row.sd else ""
    return f"{row.published:.2f}{sd}{' (validation)' if row.split == 'val' else ''}"


def percent(spread: Spread | None) -> str:
    """``1.66 ± 0.07``."""
    if spread is None:
        return ""
    return f"{spread.mean:.2f}" + (f" ± {spread.sd:.2f}" if spread.sd is not None else "")


def time_of(there: Reproduction) -> str:
    """How long a run took, or about how long it will take."""
    if not there.row.overrides:
        return ""
    loaded = ", loaded" if any(run.is_loaded for run in there.runs) else ""
    return f"{'' if there.runs else 'about '}{duration(60 * there.minutes())}{loaded}"


def seconds_of(there: Reproduction) -> str:
    """Mean and sd of the seconds of the training steps."""
    spread = Spread.of(run.training_seconds for run in there.runs)
    if spread is None:
        return ""
    loaded = ", loaded: too long" if any(run.is_loaded for run in there.runs) else ""
    return percent(spread) + loaded
