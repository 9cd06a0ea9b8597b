"""`python scripts/compare.py RUN ...`: runs side by side: the params in which they differ, and their metrics.

A RUN is a run's folder, a sweep's folder, an MLflow run id or its first six characters or more (a parent's stands for its
children), or a sweep's name or id.

python scripts/compare.py outputs/sweeps --sort test/accuracy --limit 10
python scripts/compare.py outputs/sweeps --by optimizer
python scripts/compare.py outputs/sweeps --csv
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mnist_np.commands.compare_groups import Groups
from mnist_np.commands.compared import Compared, differing, runs_named
from mnist_np.commands.numbers import whole_number
from mnist_np.commands.saved import basic_parser, reports_user_errors
from mnist_np.component import UserError, did_you_mean, shortened
from mnist_np.fitted_table import Column, fitted_table, wide_console
from mnist_np.sweep.tables import DIRECTIONS, shown
from mnist_np.sweep.values import ABSENT, order, short_names
from mnist_np.terminal import counted, print_error, printable
from mnist_np.tracking.addresses import address_of, ui_command
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.links import comparison_page, run_page
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store, store_of
from mnist_np.training.metric_names import less_is_better

METRICS = ("best/val_accuracy", "best/val_loss", "best/epoch", "test/accuracy", "test/loss", "time/total_s")
"""What is shown of a run, as far as it has it."""

FEWER = ("best/val_accuracy", "test/accuracy", "time/total_s")
"""What is shown of each of many runs."""

OPTIONAL = ("time/total_s", "status")
"""Of those, and of what else is shown, the columns that a narrow terminal does without, the first one first; then params go."""

MOST_COLUMNS = 5
"""Up to so many runs are shown as a column each; more as a row each."""


@reports_user_errors
def main() -> int:
    """Print the table. Gives the exit code."""
    arguments = parser().parse_args()
    store = store_of(Tracking(backend="server" if arguments.uri else "sqlite", uri=arguments.uri), arguments.outputs)
    try:
        found = {run.run_id or str(run.folder): run for name in arguments.runs for run in runs_named(name, store)}
    except TrackingError as error:
        print_error(str(error))
        return 1
    runs = list(found.values())
    arguments.sort, arguments.by = keys_named(runs, arguments.sort, arguments.by)
    metric = arguments.sort or METRICS[0]
    maximize = arguments.direction == "maximize" if arguments.direction else not less_is_better(metric)
    runs = ordered(runs, metric, maximize)
    console = wide_console()
    if arguments.by:
        print_groups(Groups(runs, arguments.by, metric, maximize), arguments, console)
    elif arguments.csv:
        sys.stdout.write(csv_text(runs, arguments.limit))
    elif len(runs) <= MOST_COLUMNS and arguments.sort is None and arguments.limit is None:
        console.print(as_columns(list(found.values())))
    else:
        console.print(below(runs, console.width, arguments.limit, arguments.sort))
    if arguments.links:
        for line in links(runs, store):
            console.print(printable(line), markup=False, soft_wrap=True)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = basic_parser(__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="what to compare; as many as you like")
    parser.add_argument("--uri", help="an MLflow server instead of the store in DIR")
    parser.add_argument("--sort", metavar="KEY", help=f"a metric, best first, or a param ({METRICS[0]})")
    parser.add_argument(
        "--direction",
        choices=DIRECTIONS,
        help="which values of that metric are better (what suits it, and maximize for a metric of your own)",
    )
    parser.add_argument("--limit", type=whole_number(), metavar="N", help="show the first N runs or groups only")
    parser.add_argument("--csv", action="store_true", help="as CSV: every param that differs, every metric, numbers in full")
    parser.add_argument(
        "--by",
        type=lambda text: text.split(","),
        default=[],
        metavar="KEY,...",
        help="group the runs by these params and test which groups can be told from the best by the metric of --sort",
    )
    parser.add_argument("--links", action="store_true", help="also print the addresses of the runs in MLflow's UI")
    return parser


def keys_named(runs: list[Compared], sort: str | None, by: list[str]) -> tuple[str | None, list[str]]:
    """The keys in full that ``--sort`` and ``--by`` name. Raises UserError for what is none, or cannot be used so."""
    metrics = {key for run in runs for key in run.metrics}
    params = {key for run in runs for key in run.params}
    found = [whole_key(key, params, "param") for key in by]
    if not sort:
        return None, found
    whole = whole_key(sort, metrics | params, "metric or param")
    if by and whole not in metrics:
        raise UserError(f"--sort {sort}: with --by it names the metric by which groups are compared")
    return whole, found


def whole_key(key: str, known: set[str], kind: str) -> str:
    """``optimizer.lr`` for ``lr``, where no other key ends so. Raises UserError for what is no ``kind`` of key of any run."""
    ends = [key] if key in known else sorted(name for name in known if name.endswith(f".{key}"))
    if len(ends) == 1:
        return ends[0]
    hint = f"it may be {' or '.join(ends)}" if ends else did_you_mean(key, sorted(known))
    raise UserError(f"{key}: no run has such a {kind}; {hint}".rstrip("; "))


def ordered(runs: list[Compared], key: str, maximize: bool) -> list[Compared]:
    """The runs by a metric, best first, or by a param; those without it come last."""
    if any(key in run.metrics for run in runs):
        sign = -1 if maximize else 1
        return sorted(runs, key=lambda run: sign * run.metrics[key] if key in run.metrics else math.inf)
    return sorted(runs, key=lambda run: (key not in run.params, order(run.params.get(key, ""))))


def print_groups(groups: Groups, arguments: argparse.Namespace, console: Console) -> None:
    """What `--by` asks for."""
    if arguments.csv:
        sys.stdout.write(groups.csv(arguments.limit))
        return
    console.print(groups.table(arguments.limit, console.width))
    if sentence := groups.verdict.sentence():
        console.print(sentence, soft_wrap=True, markup=False, highlight=False)


def csv_text(runs: list[Compared], limit: int | None = None) -> str:
    """The first ``limit`` runs, or all: name, id, status, the params that differ among all, all metrics."""
    params, metrics = differing(runs), sorted({key for run in runs for key in run.metrics})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "run_id", "status", *params, *metrics])
    for run in runs[:limit]:
        cells = [*(run.params.get(key) for key in params), *(run.metrics.get(key) for key in metrics)]
        writer.writerow([run.name, run.run_id, run.status, *cells])
    return text.getvalue()


def rows(runs: list[Compared], keys: list[str], shown_metrics: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """The params in which the runs differ, and their metrics: (name, a cell for each run)."""
    params = [(key, [run.params.get(key, ABSENT) for run in runs]) for key in keys]
    metrics = [(key, [number(run.metrics[key]) if key in run.metrics else "" for run in runs]) for key in shown_metrics]
    return [*params, ("status", [run.status for run in runs]), *((key, cells) for key, cells in metrics if any(cells))]


def as_columns(runs: list[Compared]) -> Table:
    """Few runs: a column each."""
    table = Table(title=title(runs), title_justify="left")
    table.add_column("", overflow="fold")
    for run in runs:
        table.add_column(cell(run.name), overflow="fold")
    if any(run.run_id for run in runs):
        table.add_row("run id", *(run.short_id for run in runs))
    for name, cells in rows(runs, differing(runs), METRICS):
        table.add_row(cell(name), *map(cell, cells))
    return table


def below(runs: list[Compared], width: int, limit: int | None = None, sort: str | None = None) -> Table:
    """Many runs: a row each, in their order, without the params that only some of them have."""
    keys = differing(runs)
    common = [key for key in keys if all(key in run.params for run in runs)]
    left_out = [key for key in keys if key not in common]
    hidden = len(runs) - limit if limit else 0
    captions = [f"and {counted(hidden, 'more run')}"] if hidden > 0 else []
    captions += [f"only some have {printable(', '.join(left_out))}"] if left_out else []
    above, runs, metrics = title(runs), runs[:limit], tuple(dict.fromkeys([*FEWER, *([sort] if sort else [])]))
    columns = [Column("run", [plain(run.name) for run in runs], is_words=True)]
    if any(run.run_id for run in runs):
        columns.append(Column("run id", [run.short_id for run in runs]))
    short = short_names(common)
    leaving = leaving_order(runs, [key for key in common if key != sort])
    for name, cells in rows(runs, common, metrics):
        optional = leaving.index(name) + 1 if name in leaving and name != sort else 0
        columns.append(
            Column(plain(short.get(name, name)), list(map(plain, cells)), is_words=name not in metrics, optional=optional)
        )
    return fitted_table(columns, width, title=above, caption="\n".join(captions))


def leaving_order(runs: list[Compared], params: list[str]) -> list[str]:
    """The columns that may be left out, the first one first: of params, the one that is the same in the most of ``runs``."""
    same = {key: max(Counter(run.params.get(key) for run in runs).values(), default=0) for key in params}
    return [*OPTIONAL, *sorted(params, key=lambda key: -same[key])]


def title(runs: list[Compared]) -> str:
    """How many runs there are, and how much they have in common."""
    same = {key for run in runs for key in run.params}.difference(differing(runs))
    return f"{counted(len(runs), 'run')}, the same in {len(same)} params; those that differ:"


def number(value: float) -> str:
    """A count as it is, a measure with four decimals."""
    return f"{value:,.0f}" if 1 < value < 1e15 and value == int(value) else shown(value)


def cell(text: str) -> str:
    """A text that others chose, as a table shows it: it does nothing to table or terminal, and is not too long."""
    return escape(plain(text))


def plain(text: str) -> str:
    """A text that others chose, which does nothing to a terminal and is not too long."""
    return printable(shortened(text))


def links(runs: list[Compared], store: Store) -> Iterator[str]:
    """The addresses of the runs in MLflow's UI, and of MLflow's own comparison of them; or how to start it."""
    tracked = [(run.run_id, run.experiment_id) for run in runs if run.run_id and run.experiment_id]
    address = address_of(store)
    if not tracked:
        yield "none of these runs is in MLflow"
    elif address is None:
        yield f"MLflow's UI is not running, so there are no addresses yet: {ui_command(store)}"
    else:
        if len(tracked) > 1:
            yield address + comparison_page(tracked[0][1], [run_id for run_id, _ in tracked])
        yield from (address + run_page(experiment_id, run_id) for run_id, experiment_id in tracked)
