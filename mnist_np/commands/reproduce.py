"""`python scripts/reproduce.py [ROW ...]`: train published results again, and write the table of results.

Without a ROW it says what has been run, what is missing, and how long that would take. With rows (or `all`) the missing runs are
trained as sweeps of the MLflow experiment `papers`; their numbers are kept in docs/results/ROW.json (of a record, each epoch too,
in ROW.csv), and docs/results.md is made from these files. A start that is interrupted, or ended by --budget, is continued by the
same command.
"""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from rich.table import Table

from mnist_np.commands.numbers import whole_number
from mnist_np.commands.saved import basic_parser, reports_user_errors
from mnist_np.component import UserError, did_you_mean
from mnist_np.fitted_table import Column, fitted_table, wide_console
from mnist_np.machine import cores, load
from mnist_np.papers.comparison import compare
from mnist_np.papers.logs import log_of, write_log
from mnist_np.papers.outcomes import Outcome, Reproduction, config_of, default_folder, is_same_recipe, outcome, read, write
from mnist_np.papers.page import page_of, percent, write_page
from mnist_np.papers.published import ROW, ROWS
from mnist_np.papers.rows import Row
from mnist_np.papers.training import command, train
from mnist_np.sweep.children import Child
from mnist_np.terminal import duration, print_error
from mnist_np.training.interrupt import Interrupt

MOST = 9999
"""Seeds, and workers."""

SHORT = 1.0
"""Minutes of a run up to which --records trains a record that is not named."""
RECORDS_HELP = "train the named ROWs and all records of up to a minute a run anew, for their times on this machine"

RESULTS_HELP = "the files of results, beside which the page DIR.md is written (default: docs/results)"

UNITS = {"s": 1, "m": 60, "h": 3600}


@reports_user_errors
def main() -> int:
    """Do what ``sys.argv`` says. Gives the exit code."""
    arguments = parser().parse_args()
    try:
        if arguments.page and (arguments.rows or arguments.again or arguments.records):
            raise UserError("--page: writes the page alone; it takes no ROW, no --again and no --records")
        if arguments.again and (arguments.records or not arguments.rows):
            raise UserError("--again: takes the ROWs that are compared, or all, and no --records")
        rows = chosen(arguments.rows, arguments.records)
        found = read(arguments.results, ROWS)
        if (rows and not arguments.again) or arguments.page:
            make_folder(arguments.results)
    except UserError as error:
        print_error(str(error))
        return 2
    if arguments.page:
        write_page(arguments.results, found)
        print(page_of(arguments.results))
        return 0
    if not rows:
        console = wide_console()
        console.print(overview(found, arguments.seeds, console.width))
        return 0
    if arguments.records and load() > 0.5 * cores():
        print(f"note: the load average is {load():.1f}, so other programs are running: the times will be too long", flush=True)
    with Interrupt() as interrupted:
        code = reproduce(rows, arguments, interrupted)
    return interrupted.exit_code or code


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = basic_parser(__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows of the table, or all")
    parser.add_argument("--seeds", type=whole_number(MOST), help="runs of each row (default: 3, and 10 of a record)")
    parser.add_argument("--budget", type=budget, metavar="TIME", help="stop after this time: 90s, 20m, 2h (default: never)")
    parser.add_argument(
        "--workers", type=whole_number(MOST), default=1, metavar="N", help="runs at a time (default: %(default)s)"
    )
    parser.add_argument("--again", action="store_true", help="train the recorded runs anew and compare; writes nothing")
    parser.add_argument("--records", action="store_true", help=RECORDS_HELP)
    parser.add_argument("--page", action="store_true", help="only write the page and its figure anew")
    parser.add_argument("--results", type=folder, default=default_folder(), metavar="DIR", help=RESULTS_HELP)
    return parser


def folder(text: str) -> Path:
    """A folder by its whole path: ``.`` has no name, and nothing above it."""
    return Path(os.path.abspath(text))


def budget(text: str) -> float:
    """``90s``, ``20m`` and ``2h`` in seconds."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}': must be a time such as 90s, 20m or 2h")
    return float(found[1]) * UNITS[found[2]]


def chosen(names: list[str], records: bool) -> list[Row]:
    """The rows that the command line names. Raises UserError where there is none of a name, or it cannot be trained."""
    every = [row for row in ROWS if row.overrides]
    rows = [row for row in every if row.part == "record" and row.minutes <= SHORT] if records else []
    for name in dict.fromkeys(names):
        if name == "all":
            rows += every
            continue
        if name not in ROW:
            raise UserError(f"{name}: no such row; {did_you_mean(name, list(ROW))}must be all or one of {', '.join(ROW)}")
        if not ROW[name].overrides:
            raise UserError(f"{name}: cannot be trained yet, since this package has no {ROW[name].needs}")
        rows.append(ROW[name])
    return list(dict.fromkeys(rows))


def make_folder(folder: Path) -> None:
    """Make the folder of results. Raises UserError where nothing can be written, before anything has been trained for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--results {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK) or not os.access(folder.parent, os.W_OK):
        raise UserError(f"--results {folder}: it and the folder above it, where the page lies, must be writable")


def reproduce(rows: list[Row], arguments: argparse.Namespace, interrupted: Callable[[], str | None]) -> int:
    """Train what is missing of the rows. Gives 0 if nothing is missing afterwards, or all that was repeated is the same."""
    deadline = monotonic() + arguments.budget if arguments.budget else None
    complete = True
    rows = list(rows)
    for row in rows:  # a row whose recorded runs are of another recipe comes once more at the end
        before = read(arguments.results, [row])[row.name]
        wanted = arguments.seeds or row.seeds
        if arguments.again:
            seeds = [run.seed for run in before.runs][: arguments.seeds]
        else:
            seeds = list(range(wanted)) if arguments.records else before.missing(wanted)
        if not seeds:
            print(f"{row.name}: {'nothing is recorded' if arguments.again else 'nothing is missing'}", flush=True)
            continue
        left = deadline - monotonic() if deadline is not None else None
        if interrupted() or (left is not None and left <= 0):
            print(f"{row.name}: not begun, {interrupted() or 'the time is over'}", flush=True)
            complete = False
            continue
        print(f"{row.name}: {len(seeds)} of about {duration(60 * before.minutes())} each: {command(row, seeds)}", flush=True)
        anew = arguments.again or arguments.records
        code, children = train(row, seeds, arguments.outputs, arguments.workers, anew, interrupted, left)
        finished = [(run, child.history) for child in children if (run := outcome(child, row))]
        runs = {run.seed: run for run, _ in finished}
        config = next((config_of(child.folder) for child in children if child.status == "finished"), {})
        same = not runs or is_same_recipe(before.config or {}, config)
        if arguments.again:
            if not same:
                print(f"{row.name}: the recorded runs are of another recipe", flush=True)
            complete &= compare(before, runs, seeds)
            continue
        if runs:
            keep(row, runs, config, arguments.results, {run.seed: history for run, history in finished})
            if not same and set(seeds) < set(range(wanted)):
                rows.append(row)
        if not set(seeds) <= set(runs):
            ended = bool(interrupted()) or (deadline is not None and monotonic() >= deadline)
            print(f"{row.name}: {len(runs)} of {len(seeds)} finished; {what_next(children, code, ended, anew)}", flush=True)
            complete = False
    return 0 if complete else 1


def keep(
    row: Row,
    runs: Mapping[int, Outcome],
    config: Mapping[str, object],
    folder: Path,
    histories: Mapping[int, list[dict[str, float]]],
) -> None:
    """Add the runs to the row's file, their epochs to its log, and write the page."""
    before = read(folder, [row])[row.name]  # once more: another process may have added runs meanwhile
    if not is_same_recipe(before.config or {}, config):
        print(f"{row.name}: the recorded runs are of another recipe, and are left out", flush=True)
        before = Reproduction(row)
    merged = {run.seed: run for run in before.runs} | dict(runs)
    seeds = sorted({*merged, *range(row.seeds)})
    if row.part == "record":  # first: once a run is in the row's file, nothing is missing, and no start would write its epochs
        write_log(log_of(folder, row.name), histories, merged)
    write(folder, row, command(row, seeds), merged.values(), config)
    write_page(folder, read(folder, ROWS))


def what_next(children: Sequence[Child], code: int, ended: bool, anew: bool) -> str:
    """What became of the runs of a row that is not complete, and what the same command does.

    Args:
        children: the runs.
        code: the exit code of the sweep.
        ended: whether it was stopped.
        anew: whether finished runs are trained again.
    """
    if not children and not ended:
        return f"the sweep did not begin: exit code {code}"
    counts = Counter(child.status for child in children if child.status != "finished")
    if not ended and list(counts) == ["diverged"]:
        return f"{counts['diverged']} diverged, and would again"
    said = [f"{counts[status]} {status}" for status in ("diverged", "failed") if counts[status]]
    return "; ".join([*said, "the same command trains all of them again" if anew else "the same command goes on"])


def overview(found: Mapping[str, Reproduction], seeds: int | None, width: int) -> Table:
    """What has been run, what is missing, and how long that takes; for lines of ``width`` characters."""
    rows = []
    for name, there in found.items():
        row = there.row
        missing = len(there.missing(seeds or row.seeds)) if row.overrides else 0
        time = duration(60 * missing * there.minutes()) if missing else f"needs {row.needs}" if row.needs else ""
        published = f"{row.published:g} %" if row.published is not None else ""
        ours = percent(there.spread) if there.spread else ""
        rows.append((name, published, ours, str(len(there.runs) or ""), there.verdict(found), time))
    names, published_ones, means, counts, verdicts, times = zip(*rows, strict=True)
    columns = (
        Column("row", names, is_words=True),
        Column("published", published_ones, optional=2),
        Column("ours", means),
        Column("runs", counts, optional=1),
        Column("verdict", verdicts, is_words=True),
        Column("missing takes about", times),
    )
    return fitted_table(columns, width, title="Published results and records: reproduce ROW ... trains what is missing")
