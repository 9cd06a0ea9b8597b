"""`python scripts/compare.py RUN ...`: runs side by side: in which params they differ, and what came of it.

A RUN is a run's folder, a sweep's folder, an MLflow run id (a parent's stands for its children) or a sweep's id.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mnist_np.component import shortened
from mnist_np.invocation import default_outputs
from mnist_np.serialize import flatten
from mnist_np.storage.config_file import read_config
from mnist_np.storage.records import numbers, read_json
from mnist_np.sweep.tables import shown
from mnist_np.sweep.values import ABSENT, varying
from mnist_np.terminal import print_error, printable
from mnist_np.tracking.addresses import address_of, ui_command
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.links import comparison_page, run_page
from mnist_np.tracking.observer import as_text
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store, first_line, store_of

METRICS = ("best/val_accuracy", "best/val_loss", "best/epoch", "test/accuracy", "test/loss", "time/total_s")
"""What is shown of a run, as far as it has it."""

FEWER = ("best/val_accuracy", "test/accuracy", "time/total_s")
"""What is shown of each of many runs."""

WIDE = 200
"""Characters a line where the output is no terminal."""

ABREAST = 5
"""So many runs stand side by side, a column each; more stand below one another, a row each."""


@dataclass(frozen=True)
class Compared:
    """A run as the table shows it."""

    name: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    run_id: str | None = None
    experiment_id: str | None = None


def main() -> int:
    """Print the table. Gives the exit code."""
    arguments = parser().parse_args()
    store = store_of(Tracking(backend="server" if arguments.uri else "sqlite", uri=arguments.uri), arguments.outputs)
    try:
        found = {run.run_id or run.name: run for name in arguments.runs for run in runs_named(name, store)}
    except TrackingError as error:
        print_error(str(error))
        return 1
    runs = list(found.values())
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(abreast(runs) if len(runs) <= ABREAST else below(runs))
    if arguments.links:
        for line in links(runs, store):
            console.print(printable(line), markup=False, soft_wrap=True)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="what to compare; as many as you like")
    parser.add_argument(
        "--outputs", type=Path, default=Path(default_outputs()), metavar="DIR", help="where the runs are (%(default)s)"
    )
    parser.add_argument("--uri", help="an MLflow server instead of the store in DIR")
    parser.add_argument("--links", action="store_true", help="also print the addresses of the runs in MLflow's UI")
    return parser


def runs_named(name: str, store: Store) -> Iterator[Compared]:
    """The runs that ``name`` stands for. Raises TrackingError where there is none."""
    if Path(name).is_dir():
        return from_folders(Path(name))
    return from_mlflow(name, store)


def from_folders(folder: Path) -> Iterator[Compared]:
    """The run in ``folder``, or all runs within."""
    folders = [folder] if (folder / "config.yaml").exists() else sorted(path.parent for path in folder.rglob("config.yaml"))
    if not folders:
        raise TrackingError(f"there is no run in {folder}: no config.yaml")
    for path in folders:
        try:
            config = read_config(path / "config.yaml")
        except OSError as error:
            raise TrackingError(f"{error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise TrackingError(f"{path / 'config.yaml'}: {error}") from None
        result, ledger = read_json(path / "result.json"), Ledger.read(path)
        metrics = result.get("metrics")
        yield Compared(
            path.name,
            str(result.get("status", "not ended")),
            {key: as_text(value) for key, value in flatten(config).items()},
            numbers(metrics) if isinstance(metrics, dict) else {},
            ledger.run_id if ledger else None,
            ledger.experiment_id if ledger else None,
        )


def from_mlflow(name: str, store: Store) -> Iterator[Compared]:
    """The run or sweep with the id ``name``, as the store knows it."""
    if store.database is not None and not store.database.exists():
        raise TrackingError(f"'{name}' is no folder, and there are no runs in {store.outputs}")
    try:
        experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
        for where in (
            f"tags.sweep = '{name}' and tags.sweep_role = 'child'",
            f"tags.mlflow.parentRunId = '{name}' and tags.sweep_role = 'child'",
            f"attributes.run_id = '{name}'",
        ):
            runs = store.client.search_runs(experiments, where, max_results=1000, order_by=["attributes.start_time"])
            if runs:
                break
    except Exception as error:
        raise TrackingError(f"the MLflow store {store.uri} cannot be used: {first_line(error)}") from error
    if not runs:
        raise TrackingError(f"'{name}' is no folder, no run id and no sweep id in {store.uri}")
    for run in runs:
        status = run.data.tags.get("status", run.info.status.lower())
        yield Compared(run.info.run_name, status, run.data.params, run.data.metrics, run.info.run_id, run.info.experiment_id)


def rows(runs: list[Compared], keys: list[str], shown_metrics: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """What the runs differ in and what came of it: (name, a cell for each run)."""
    params = [(key, [run.params.get(key, ABSENT) for run in runs]) for key in keys]
    metrics = [(key, [number(run.metrics[key]) if key in run.metrics else "" for run in runs]) for key in shown_metrics]
    return [*params, ("status", [run.status for run in runs]), *((key, cells) for key, cells in metrics if any(cells))]


def abreast(runs: list[Compared]) -> Table:
    """Few runs: a column each."""
    table = Table(title=title(runs), title_justify="left")
    table.add_column("", overflow="fold")
    for run in runs:
        table.add_column(cell(run.name), overflow="fold")
    for name, cells in rows(runs, differing(runs), METRICS):
        table.add_row(cell(name), *map(cell, cells))
    return table


def below(runs: list[Compared]) -> Table:
    """Many runs: a row each, best validation accuracy first, without the params that only some of them have."""
    runs = sorted(runs, key=lambda run: -run.metrics.get(METRICS[0], -1.0))
    keys = differing(runs)
    common = [key for key in keys if all(key in run.params for run in runs)]
    left_out = [key for key in keys if key not in common]
    caption = f"only some have {cell(', '.join(left_out))}" if left_out else None
    table = Table(title=title(runs), title_justify="left", caption=caption, caption_justify="left")
    columns = rows(runs, common, FEWER)
    for name, _ in columns:
        table.add_column(cell(name), overflow="fold", justify="right" if name in METRICS else "left")
    for i in range(len(runs)):
        table.add_row(*(cell(cells[i]) for _, cells in columns))
    return table


def title(runs: list[Compared]) -> str:
    """How many runs there are, and how much they have in common."""
    same = {key for run in runs for key in run.params}.difference(differing(runs))
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}, the same in {len(same)} params; those that differ:"


def differing(runs: list[Compared]) -> list[str]:
    """The params that are not the same in all runs."""
    return [param.key for param in varying(run.params for run in runs)]


def number(value: float) -> str:
    """A count as it is, a measure with four decimals."""
    return f"{value:,.0f}" if 1 < value < 1e15 and value == int(value) else shown(value)


def cell(text: str) -> str:
    """A text that others chose, as a table shows it: it does nothing to table or terminal, and is not too long."""
    return escape(printable(shortened(text)))


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
