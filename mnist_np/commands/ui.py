"""`python scripts/ui.py`: the MLflow UI on this project's store, with addresses that open the right pages at once."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import webbrowser
from pathlib import Path
from types import FrameType

from mnist_np.invocation import default_outputs
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.links import run_page, runs_page
from mnist_np.tracking.server import free_port, serving
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import Store, store_of
from mnist_np.tracking.views import saved_pages


def main() -> int:
    """Serve until Ctrl-C. Gives the exit code."""
    arguments = parser().parse_args()
    store = store_of(Tracking(), arguments.outputs)
    if store.database is None or not store.database.exists():
        print(f"There are no runs in {arguments.outputs} yet. The first: python scripts/train.py", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        port = free_port(arguments.port)
        print("The MLflow UI is starting (some seconds) ...", flush=True)
        artifacts, log = arguments.outputs / "artifacts", arguments.outputs / "mlflow-ui.log"
        with serving(store.uri, artifacts, port, log) as address:
            found = pages(store, arguments.run)
            print("\n".join(f"{label:<20}{address}/{page}" for label, page in found))
            print("Ctrl-C ends it.", flush=True)
            if not arguments.no_browser and has_browser():
                webbrowser.open(f"{address}/{found[0][1]}")
            signal.pause()
    except TrackingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--outputs", type=Path, default=Path(default_outputs()), metavar="DIR", help="where the runs are (%(default)s)"
    )
    parser.add_argument("--run", metavar="ID", help="a run to show first (default: the latest)")
    parser.add_argument("--port", type=int, help="default: 5000 or, if that is taken, any free one")
    parser.add_argument("--no-browser", action="store_true", help="print the addresses only")
    return parser


def pages(store: Store, run_id: str | None) -> list[tuple[str, str]]:
    """What to look at, the most wanted first: the run asked for or the latest one, the latest sweep, all runs' curves.

    Runs that a killed process left RUNNING are marked first.
    """
    mlflow = store.client
    experiments = [experiment.experiment_id for experiment in mlflow.search_experiments()]
    mark_stale_runs(store, experiments)

    def latest(where: str) -> list[tuple[str, str]]:
        found = mlflow.search_runs(experiments, where, max_results=1, order_by=["attributes.start_time DESC"])
        return [(run.info.experiment_id, run.info.run_id) for run in found]

    shown = []
    if run_id:
        shown.append(("this run", run_page(mlflow.get_run(run_id).info.experiment_id, run_id)))
    runs = latest("tags.config_group != ''")
    shown += [("latest run", run_page(*run)) for run in runs]
    for experiment, parent in latest("tags.sweep_role = 'parent'"):
        sweep_id = mlflow.get_run(parent).data.tags["sweep"]
        views = saved_pages(mlflow.get_experiment(experiment).tags, experiment, sweep_id)
        shown += [("latest sweep", run_page(experiment, parent)), *((f"  {name}", page) for name, page in views.items())]
    shown += [("all runs", runs_page(experiment, "val/accuracy")) for experiment, _ in runs]
    return shown or [("start", "")]


def has_browser() -> bool:
    """Whether there is a screen: without one `webbrowser` may take over the terminal with a text browser."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
