"""`python scripts/ui.py`: the MLflow UI on this project's store, with addresses that open the right pages at once."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from types import FrameType

from mnist_np.commands.numbers import PORTS, whole_number
from mnist_np.commands.saved import basic_parser
from mnist_np.invocation import command
from mnist_np.sqlite_uri import sqlite_uri
from mnist_np.terminal import print_error
from mnist_np.tracking.addresses import address_of, announced
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.fetch import whole_id
from mnist_np.tracking.index import index_pages, update_index
from mnist_np.tracking.links import run_page
from mnist_np.tracking.server import serving
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import Store, first_line, store_of
from mnist_np.tracking.views import saved_pages
from mnist_np.training.interrupt import SIGNALS

log = logging.getLogger(__name__)


def main() -> int:
    """Serve until Ctrl-C, unless a UI of this store is running already. Gives the exit code."""
    arguments = parser().parse_args()
    database: Path | None = arguments.database
    uri = sqlite_uri(database) if database else None
    store = store_of(Tracking(uri=uri), arguments.outputs)
    if store.database is None or not os.path.exists(store.database):
        print(f"There are no runs in {database or arguments.outputs} yet. The first: {command('train')}", file=sys.stderr)
        return 1
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        found = pages(store, arguments.run)
        running = address_of(store) if arguments.port is None else None
        if running:
            print("The MLflow UI is running already.")
            show(running, found, arguments.no_browser)
            return 0
        print("The MLflow UI is starting (some seconds) ...", flush=True)
        artifacts, log = arguments.outputs / "artifacts", arguments.outputs / "mlflow-ui.log"
        with serving(store.uri, artifacts, arguments.port, log) as server, announced(store, server.port):
            show(f"{server.address}/", found, arguments.no_browser)
            print("Ctrl-C ends it.", flush=True)
            server.wait()
    except TrackingError as error:
        print_error(str(error))
        return 1
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print()
    return 0


def show(address: str, found: list[tuple[str, str]], no_browser: bool) -> None:
    """Print the pages of the UI at ``address``, and open the first."""
    width = max(len(label) for label, _ in found) + 2
    print("\n".join(f"{label:<{width}}{address}{page}" for label, page in found), flush=True)
    if not no_browser and has_browser():
        webbrowser.open(f"{address}{found[0][1]}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = basic_parser(__doc__)
    parser.add_argument("--database", type=Path, metavar="FILE", help="the SQLite store, if it is not DIR/mlflow.db")
    parser.add_argument("--run", metavar="ID", help="a run to show first (default: the latest)")
    parser.add_argument("--port", type=whole_number(PORTS), help="default: 5000 or, if that is taken, any free one")
    parser.add_argument("--no-browser", action="store_true", help="print the addresses only")
    return parser


def pages(store: Store, run_id: str | None) -> list[tuple[str, str]]:
    """What to look at, the most wanted first: the run asked for, the newest runs and sweeps, the latest run, the latest sweep.

    Runs that a killed process left RUNNING are marked first, and the index of the experiment is brought up to date.
    """
    mlflow = store.client
    experiments = [experiment.experiment_id for experiment in mlflow.search_experiments()]
    mark_stale_runs(store, experiments)

    def latest(where: str) -> list[tuple[str, str]]:
        found = mlflow.search_runs(experiments, where, max_results=1, order_by=["attributes.start_time DESC"])
        return [(run.info.experiment_id, run.info.run_id) for run in found]

    shown = []
    if run_id:
        shown += pages_of_run(store, run_id, "this run")
    runs = latest("tags.config_group != ''")
    sweeps = latest("tags.sweep_role = 'parent'")
    for experiment, _ in (runs + sweeps)[:1]:
        try:
            update_index(store, experiment)
        except Exception as error:  # of a store that is locked: what it holds can be shown
            log.warning("the index of the experiment is not up to date: %s", first_line(error))
        shown += index_pages(experiment).items()
    shown += [("latest run", run_page(*run)) for run in runs]
    for _, parent in sweeps:
        shown += pages_of_run(store, parent, "latest sweep") if parent != run_id else []
    return shown or [("start", "")]


def pages_of_run(store: Store, run_id: str, label: str) -> list[tuple[str, str]]:
    """The page of a run and, if it is a sweep's parent, the sweep's saved views. Raises TrackingError."""
    try:
        run = store.client.get_run(whole_id(store, run_id))
    except Exception as error:  # MLflow's, of whatever store
        raise TrackingError(f"--run {run_id}: {first_line(error)}") from error
    experiment = run.info.experiment_id
    views: dict[str, str] = {}
    if run.data.tags.get("sweep_role") == "parent":
        views = saved_pages(store.client.get_experiment(experiment).tags, experiment, run.data.tags["sweep"])
    return [(label, run_page(experiment, run.info.run_id)), *((f"  {name}", page) for name, page in views.items())]


def has_browser() -> bool:
    """Whether there is a screen: without one `webbrowser` may take over the terminal with a text browser."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
