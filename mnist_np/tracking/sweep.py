"""The parent run of a sweep in MLflow: its counts, its best run, its ranking and its views, while it runs and when it is over."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

from filelock import FileLock

from mnist_np.sweep.children import ENDED
from mnist_np.sweep.publish import FILES
from mnist_np.sweep.report import SweepReport
from mnist_np.tracking.addresses import undelivered, where_to_look
from mnist_np.tracking.artifacts import log_path
from mnist_np.tracking.background import TIMEOUT
from mnist_np.tracking.best_model import log_best
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.configurations import ConfigurationRuns
from mnist_np.tracking.deadline import ask
from mnist_np.tracking.index import update_index
from mnist_np.tracking.journal import lock
from mnist_np.tracking.links import comparison_page, run_page, view_page
from mnist_np.tracking.origin import origin_tags
from mnist_np.tracking.owner import SWEEP, sweep_tags
from mnist_np.tracking.parent_run import find_or_create, params_of
from mnist_np.tracking.pending import deliver_pending
from mnist_np.tracking.run_colours import colour
from mnist_np.tracking.saved_views import View, save
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import Store, first_line, store_of
from mnist_np.tracking.sweep_children import SweepChildren
from mnist_np.tracking.sweep_metrics import metrics_of
from mnist_np.tracking.sweep_note import LONGEST_TAG, picture, sweep_note
from mnist_np.tracking.views import BEST, view_key, views

log = logging.getLogger(__name__)

SIDE_BY_SIDE = "side by side"


@dataclass
class SweepParent:
    """The parent run ``run_id``. Made by `open`; one process at a time has it, and `finish` gives it back.

    ``sweep_id`` is the tag ``sweep`` of its runs, which also says whose they are in a shared store.
    """

    store: Store
    experiment_id: str
    run_id: str
    sweep_id: str
    folder: Path
    held: FileLock
    tracking: Tracking
    make: Callable[[], tuple[str, str]]
    command: str = ""

    def __post_init__(self) -> None:
        self.remade = False
        self.waiting: list[Path] = []
        self.behind = False
        self.begin()

    def begin(self) -> None:
        """Nothing has been said of the sweep to the run."""
        self.in_line = False
        self.shown: set[str] = set()
        self.step: int | None = None
        self.run_ids: dict[str, str] = {}
        self.configurations = ConfigurationRuns(self.store.client, self.experiment_id, self.sweep_id, self.run_id)

    @classmethod
    def open(
        cls,
        tracking: Tracking,
        outputs: Path,
        sweep_id: str,
        name: str,
        fixed: Sequence[str],
        varied: Sequence[str],
        folder: Path,
        line: str = "",
    ) -> SweepParent:
        """The parent of the sweep ``sweep_id`` whose files lie in ``folder``: the one there is, running again, or a new one.

        Args:
            tracking: the store.
            outputs: where the store's files are, if it has such.
            sweep_id: what identifies the sweep.
            name: what its run is called.
            fixed: the overrides that all its runs share, which become params.
            varied: the keys that vary.
            folder: the sweep's own folder.
            line: the command line that started it, which continues it too.

        Raises:
            TrackingError: the store cannot be used, or another process is at work on this sweep.
        """
        store = store_of(tracking, outputs)
        held = lock(folder)
        tags = origin_tags() | {
            "sweep_role": "parent",
            "sweep_name": name,
            "status": "running",
            "varied": " ".join(varied)[:LONGEST_TAG],
            "run_folder": os.path.relpath(folder, outputs),
        }

        def make() -> tuple[str, str]:
            experiment_id = store.experiment_id(tracking.experiment)
            with store.lock:
                return experiment_id, find_or_create(store, experiment_id, name, tags, params_of(fixed))

        try:
            tags |= sweep_tags(store, sweep_id)
            experiment_id, run_id = ask(store, make)
        except Exception as error:
            held.release()
            if isinstance(error, TrackingError):
                raise
            raise TrackingError(f"the MLflow store {store.uri} cannot be used: {first_line(error)}") from error
        try:
            ask(store, lambda: mark_stale_runs(store, [experiment_id]))
        except Exception as error:
            log.warning("runs that were killed may still be RUNNING in MLflow: %s", first_line(error))
        return cls(store, experiment_id, run_id, tags[SWEEP], folder, held, tracking, make, line)

    def update(self, report: SweepReport) -> None:
        """Bring counts, best run and note up to date; where the store does not take it now, the next update will."""
        if problem := self.attempt(lambda: self.send_report(report), timeout=1.0):
            log.debug("the sweep's parent run waits: %s", problem)

    def finish(self, report: SweepReport, status: str) -> None:
        """Log the final report and the files that `publish` wrote; ``status`` is FINISHED, FAILED or KILLED.

        May be called again after `open` (a resumed sweep): it replaces the earlier report.
        """
        log_best(self.tracking, report, status, self.store.outputs)
        self.waiting = deliver_pending(self.store, [child.folder for child in report.children], every=self.remade)
        if problem := self.attempt(lambda: self.conclude(report, status), TIMEOUT):
            self.behind = True
            log.warning("the sweep's parent run in %s is not up to date: %s", self.store.uri, problem)
        self.held.release()

    def send_report(self, report: SweepReport) -> None:
        """The first update also brings the children in line, since runs of earlier starts may be among them."""
        if not self.in_line:
            self.update_children(report)
            self.in_line = True
        self.tell(report)

    def update_children(self, report: SweepReport) -> None:
        """Make MLflow's children those of the report."""
        self.run_ids = SweepChildren(self.store, self.experiment_id, self.sweep_id, self.run_id).update(report)

    def conclude(self, report: SweepReport, status: str) -> None:
        self.update_children(report)
        client = self.store.client
        artifacts = client.get_run(self.run_id).info.artifact_uri
        for name in FILES:  # first, for the note shows a picture of them
            path = self.folder / name
            if path.exists():
                log_path(client, self.run_id, artifacts, path, name)
        self.tell(report, final=True)
        client.set_tag(self.run_id, "status", status.lower())
        client.set_terminated(self.run_id, status)
        mark_stale_runs(self.store, [self.experiment_id])  # a worker may have been killed
        update_index(self.store, self.experiment_id)

    def tell(self, report: SweepReport, final: bool = False) -> None:
        """Send metrics, tags, note, the configurations' summary runs and the views."""
        from mlflow.entities import Metric, RunTag

        now, ended = int(time() * 1000), sum(report.counts[status] for status in ENDED)
        if self.step is None:
            self.step, self.shown = self.told_before()
        self.step = max(self.step, ended)
        metrics = [Metric(key, value, now, self.step) for key, value in metrics_of(report, self.shown).items()]
        self.shown |= {metric.key for metric in metrics}
        self.configurations.update(report, final)
        if final:
            for compared in (self.best(report), self.configurations.run_ids(report)):
                colour(self.store.client, compared)
        found = self.views(report)
        save(self.store, self.experiment_id, {view_key(self.sweep_id, view): value for view, value in found.items()}, now)
        tags = {"mlflow.note.content": self.note(report), "metric": report.metric}
        tags["best_run_id"] = next(iter(self.best(report)), "")
        self.store.client.log_batch(self.run_id, metrics, tags=[RunTag(key, value) for key, value in tags.items()])

    def told_before(self) -> tuple[int, set[str]]:
        """The last step of earlier starts, below which MLflow would not show a value, and the metrics that they logged."""
        steps = [metric.step for metric in self.store.client.get_metric_history(self.run_id, "n/finished")]
        return max(steps, default=0), set(self.store.client.get_run(self.run_id).data.metrics)

    def attempt(self, send: Callable[[], None], timeout: float) -> str:
        """Call ``send`` unless the store is locked for longer than ``timeout`` seconds; gives what went wrong.

        A parent that the store does not have any more is made anew first.
        """
        try:
            if not self.store.is_free(timeout):
                return "it is locked by another program"
            try:
                ask(self.store, send)
            except Exception as error:
                if getattr(error, "error_code", None) != "RESOURCE_DOES_NOT_EXIST":
                    raise
                self.experiment_id, self.run_id = ask(self.store, self.make)
                self.remade = True
                self.begin()
                ask(self.store, send)
        except Exception as error:
            return first_line(error)
        return ""

    def best(self, report: SweepReport) -> list[str]:
        """The ids of the `BEST` best children in MLflow."""
        ids = [self.run_ids.get(child.fingerprint) or child.run_id for child in report.ranked[:BEST]]
        return [run_id for run_id in ids if run_id]

    def views(self, report: SweepReport) -> dict[str, View]:
        return views(report, self.sweep_id, self.best(report))

    def note(self, report: SweepReport) -> str:
        """What stands above all else on the parent's page."""
        best = run_page(self.experiment_id, next(iter(ids))) if (ids := self.best(report)) else None
        return sweep_note(report, self.pages(report), best, self.run_id, picture(self.folder / "figures"), self.command)

    def pages(self, report: SweepReport) -> dict[str, str]:
        """Where to look in MLflow's UI: fragments to put behind its address, by name."""
        pages = {
            view.name.rpartition(": ")[2]: view_page(self.experiment_id, view_key(self.sweep_id, key))
            for key, view in self.views(report).items()
        }
        best = self.best(report)
        return pages | ({SIDE_BY_SIDE: comparison_page(self.experiment_id, best)} if len(best) > 1 else {})

    def where_to_look(self, report: SweepReport) -> list[str]:
        """Lines for the console: the addresses of the sweep's pages, and how to get a UI there."""
        pages = {name: page for name, page in self.pages(report).items() if name != SIDE_BY_SIDE}
        late = undelivered(self.store, self.folder, len(self.waiting), (self.command or "the same call") if self.behind else "")
        return [*late, *where_to_look(self.store, pages, self.run_id)]
