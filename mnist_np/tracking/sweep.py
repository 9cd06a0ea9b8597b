"""The parent run of a sweep in MLflow: one page that tells the sweep's story while it runs and when it is over."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

from filelock import FileLock

from mnist_np.sweep.children import ENDED
from mnist_np.sweep.publish import FILES
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import TOP, markdown, shown
from mnist_np.tracking.addresses import where_to_look
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.links import comparison_page, run_page, view_page
from mnist_np.tracking.observer import lock, user
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import Store, first_line, store_of
from mnist_np.tracking.sweep_children import SweepChildren
from mnist_np.tracking.views import MOST, NAMES, PREFIX, best_runs, packed, view_key, views

log = logging.getLogger(__name__)

LAST_PATIENCE = 20.0
"""Seconds that the end of a sweep waits for a locked database."""

LONGEST_TAG = 8000
"""Characters that MLflow keeps of a tag, and so of a note."""


@dataclass
class SweepParent:
    """The parent run ``run_id``. Made by `open`; one process at a time has it, and `finish` gives it back."""

    store: Store
    experiment_id: str
    run_id: str
    sweep_id: str
    folder: Path
    held: FileLock
    in_line: bool = False

    @classmethod
    def open(
        cls, tracking: Tracking, outputs: Path, sweep_id: str, name: str, overrides: Sequence[str], folder: Path
    ) -> SweepParent:
        """The parent of the sweep ``sweep_id`` whose files lie in ``folder``: the one there is, running again, or a new one.

        Raises TrackingError where the store cannot be used, or where another process is at work on this sweep.
        """
        store = store_of(tracking, outputs)
        experiment_id = store.experiment_id(tracking.experiment)
        held = lock(folder)
        tags = {
            "sweep": sweep_id,
            "sweep_role": "parent",
            "sweep_name": name,
            "status": "running",
            "overrides": " ".join(overrides)[:LONGEST_TAG],
            "run_folder": os.path.relpath(folder, outputs),
            "mlflow.user": user(),
            "mlflow.source.name": Path(sys.argv[0]).name or "python",
            "mlflow.source.type": "LOCAL",
        }
        try:
            with store.lock:
                run_id = cls.find_or_create(store, experiment_id, name, tags)
        except Exception as error:
            held.release()
            raise TrackingError(f"the MLflow store {store.uri} cannot be used: {first_line(error)}") from error
        try:
            mark_stale_runs(store, [experiment_id])
        except Exception as error:
            log.warning("runs that were killed may still be called RUNNING in MLflow: %s", first_line(error))
        return cls(store, experiment_id, run_id, sweep_id, folder, held)

    @staticmethod
    def find_or_create(store: Store, experiment_id: str, name: str, tags: dict[str, str]) -> str:
        """The id of the parent run, which runs from now on."""
        from mlflow.entities import RunTag

        client = store.client
        where = f"tags.sweep = '{tags['sweep']}' and tags.sweep_role = 'parent'"
        found = client.search_runs([experiment_id], where, max_results=1)
        if not found:
            return str(client.create_run(experiment_id, int(time() * 1000), tags, name).info.run_id)
        run_id = str(found[0].info.run_id)
        client.update_run(run_id, status="RUNNING")
        client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        return run_id

    def update(self, report: SweepReport) -> None:
        """Bring counts, best run and note up to date; where the store does not take it now, the next update will."""
        if problem := self.attempt(lambda: self.begin(report), patience=1.0):
            log.debug("the sweep's parent run waits: %s", problem)

    def finish(self, report: SweepReport, status: str) -> None:
        """The whole story, with the files that `publish` left in the sweep's folder; ``status`` is FINISHED, FAILED or KILLED.

        May be called again after `open` (a resumed sweep): it replaces what it said before.
        """
        if problem := self.attempt(lambda: self.conclude(report, status), LAST_PATIENCE):
            log.warning("the sweep's parent run in %s is not up to date: %s", self.store.uri, problem)
        self.held.release()

    def begin(self, report: SweepReport) -> None:
        """The first update also brings the children in line, since runs of earlier starts may be among them."""
        if not self.in_line:
            self.update_children(report)
            self.in_line = True
        self.tell(report)

    def update_children(self, report: SweepReport) -> None:
        """Make MLflow's children those of the report."""
        SweepChildren(self.store, self.experiment_id, self.sweep_id, self.run_id).update(report)

    def conclude(self, report: SweepReport, status: str) -> None:
        self.update_children(report)
        self.tell(report)
        client = self.store.client
        client.set_tag(self.run_id, "status", status.lower())
        for name in FILES:
            path = self.folder / name
            if path.is_dir():
                client.log_artifacts(self.run_id, str(path), name)
            elif path.exists():
                client.log_artifact(self.run_id, str(path))
        client.set_terminated(self.run_id, status)

    def tell(self, report: SweepReport) -> None:
        """Send metrics, tags and note."""
        from mlflow.entities import Metric, RunTag

        now, step = int(time() * 1000), sum(report.counts[status] for status in ENDED)
        metrics = [Metric(key, value, now, step) for key, value in metrics_of(report).items()]
        best = report.best
        tags = {"mlflow.note.content": self.note(report), "best_run_id": best.run_id or "" if best else ""}
        self.store.client.log_batch(self.run_id, metrics, tags=[RunTag(key, value) for key, value in tags.items()])
        for view, state in views(report, self.run_id).items():
            if len(value := packed(state)) <= MOST:
                self.store.client.set_experiment_tag(self.experiment_id, PREFIX + view_key(self.sweep_id, view), value)

    def attempt(self, send: Callable[[], None], patience: float) -> str:
        """Call ``send`` unless the store is locked for longer than ``patience`` seconds; gives what went wrong."""
        try:
            if not self.store.is_free(patience):
                return "it is locked by another program"
            send()
        except Exception as error:
            return first_line(error)
        return ""

    def note(self, report: SweepReport) -> str:
        """What the parent's page says above all else: counts, best run, links, and the ranked table as far as it fits."""
        best, lines = report.best, [f"**{report.name}**: {report.overview()}"]
        if best is not None:
            varied = ", ".join(f"{key}={value}" for key, value in best.overrides.items())
            value = f"{report.column} {shown(report.best_value or 0.0)}"
            page = f" ([its page]({run_page(self.experiment_id, best.run_id)}))" if best.run_id else ""
            lines.append(f"best: `{varied}`, {value}{page}")
        lines.append(" · ".join(f"[{text}]({page})" for text, page in self.pages(report).items()))
        for top in range(TOP, 0, -1):
            text = "\n\n".join([*lines, markdown(report, top)])
            if len(text) <= LONGEST_TAG:
                return text
        return "\n\n".join(lines)[:LONGEST_TAG]

    def pages(self, report: SweepReport) -> dict[str, str]:
        """Where to look in MLflow's UI: fragments to put behind its address, by what is there."""
        best = best_runs(report)
        saved = views(report, self.run_id)
        pages = {NAMES[view]: view_page(self.experiment_id, view_key(self.sweep_id, view)) for view in NAMES if view in saved}
        if len(best) > 1:
            pages["their params and metrics"] = comparison_page(self.experiment_id, best)
        return pages

    def where_to_look(self, report: SweepReport) -> list[str]:
        """Lines for the console: the addresses of the sweep's pages, and how to get a UI there."""
        pages = {name: page for name, page in self.pages(report).items() if name in NAMES.values()}
        return where_to_look(self.store, pages, self.run_id)


def metrics_of(report: SweepReport) -> dict[str, float]:
    """Counts by status, the best value, and mean and spread of the best configuration."""
    metrics = {f"n/{status}": float(n) for status, n in report.counts.items()} | {"n/skipped": float(report.skipped)}
    if report.best_value is not None:
        metrics[report.metric] = report.best_value
    spread = report.configurations[0].metric if report.configurations else None
    if spread is not None:
        metrics[f"{report.column}_mean"] = spread.mean
        if spread.sd is not None:
            metrics[f"{report.column}_sd"] = spread.sd
    return metrics
