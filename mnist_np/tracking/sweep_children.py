"""A sweep's children in MLflow: brought in line with its report, so that they are exactly the runs of its table.

A child has the parent's id in ``mlflow.parentRunId`` and the tags ``sweep`` and ``sweep_role=child``. A run that the sweep does
not ask for any more loses the parent and has the role ``outdated``, or ``replaced`` where another run has its fingerprint. A run
that was taken from elsewhere stays what it is; the sweep has a copy of its params and metrics, whose tags ``linked_folder`` and
``linked_run_id`` say where it is from. So has a run that was made without tracking.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.serialize import flatten
from mnist_np.storage.config_file import read_config
from mnist_np.storage.records import read_json
from mnist_np.storage.run_index import FINAL
from mnist_np.sweep.children import Child
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.values import title
from mnist_np.tracking.client import all_runs
from mnist_np.tracking.delivery import PARENT
from mnist_np.tracking.journal import STATUS
from mnist_np.tracking.links import run_page
from mnist_np.tracking.observer import as_text
from mnist_np.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run

LINKED, ORIGINAL = "linked_folder", "linked_run_id"
"""The tags of a copy: the folder of the run that it is a copy of, below ``outputs``, and that run's id if it has one."""

KEPT = (PARENT, LINKED, ORIGINAL, "fingerprint", "run_folder")


@dataclass(frozen=True)
class Known:
    """What is kept of a run in MLflow while all of a sweep's are looked at: a hundredth of what MLflow gives."""

    run_id: str
    tags: dict[str, str]
    is_running: bool

    @staticmethod
    def of(run: Run) -> Known:
        tags = {key: run.data.tags[key] for key in KEPT if key in run.data.tags}
        return Known(run.info.run_id, tags, run.info.status == "RUNNING")


@dataclass(frozen=True)
class SweepChildren:
    """The children of the sweep ``sweep_id`` below the run ``parent_run_id``."""

    store: Store
    experiment_id: str
    sweep_id: str
    parent_run_id: str

    def update(self, report: SweepReport) -> dict[str, str]:
        """Make MLflow's children those of ``report``, as far as their runs have begun. To be repeated at will.

        A run of this sweep whose journal waits to be delivered becomes a child when it is.

        Returns:
            The children's run ids by fingerprint: of a run that was taken from elsewhere, that of the copy.
        """
        there = {run.run_id: run for run in self.search("child")}
        copies = {run.tags.get("fingerprint", ""): run for run in there.values() if LINKED in run.tags}
        by_folder = {run.tags.get("run_folder"): run_id for run_id, run in there.items()}
        kept: dict[str, str] = {}
        for child in report.children:
            run_id = child.run_id or by_folder.get(self.path(child))  # a damaged tracking.json does not tell it
            if not child.linked and run_id and self.adopt(run_id, there):
                kept[child.fingerprint] = run_id
            elif child.status in FINAL and (child.linked or run_id or not (child.folder / "journal.jsonl").exists()):
                copy, wanted = copies.get(child.fingerprint), (self.path(child), child.run_id)
                if copy and not copy.is_running and (copy.tags[LINKED], copy.tags.get(ORIGINAL)) == wanted:
                    kept[child.fingerprint] = copy.run_id
                else:  # another run has its fingerprint now, in the same folder too where it was run anew
                    kept[child.fingerprint] = self.copy(child)
        current = {child.fingerprint for child in report.children}
        for run_id in there.keys() - set(kept.values()):
            self.dismiss(there[run_id], current)
        own = set(kept.values())
        for run in self.search("outdated"):  # by an update of this start that did not know all its jobs yet, as a search's
            if run.run_id not in own and run.tags.get("fingerprint") in current:
                self.store.client.set_tag(run.run_id, "sweep_role", "replaced")
        return kept

    def search(self, role: str) -> Iterator[Known]:
        """The runs of this sweep that have a role now."""
        where = f"tags.sweep = '{self.sweep_id}' and tags.sweep_role = '{role}'"
        return map(Known.of, all_runs(self.store.client, [self.experiment_id], where))

    def adopt(self, run_id: str, there: dict[str, Known]) -> bool:
        """Make a run of this sweep a child, unless it is one; gives whether the store has it. A deleted one stays deleted."""
        from mlflow.entities import RunTag
        from mlflow.exceptions import MlflowException

        known = there.get(run_id)
        if known is not None and known.tags.get(PARENT) == self.parent_run_id:
            return True
        try:
            run = self.store.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        if run.info.experiment_id != self.experiment_id:
            return False
        if run.info.lifecycle_stage != "deleted":
            tags = {PARENT: self.parent_run_id, "sweep": self.sweep_id, "sweep_role": "child"}
            self.store.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        return True

    def dismiss(self, run: Known, current: set[str]) -> None:
        """Make a run a child no longer. A copy goes."""
        client, run_id = self.store.client, run.run_id
        if LINKED in run.tags:
            client.delete_run(run_id)
            return
        client.set_tag(run_id, "sweep_role", "replaced" if run.tags.get("fingerprint") in current else "outdated")
        if PARENT in run.tags:
            client.delete_tag(run_id, PARENT)

    def path(self, child: Child) -> str:
        """The child's folder below ``outputs``."""
        return os.path.relpath(child.folder, self.store.outputs)

    def copy(self, child: Child) -> str:
        """A run with the params and metrics of ``child``, from the files in its folder."""
        from mlflow.entities import Metric, Param

        client, about = self.store.client, read_json(child.folder / "result.json")
        began, ended = milliseconds(about.get("started")), milliseconds(about.get("ended"))
        tags = {ORIGINAL: child.run_id} if child.run_id else {}
        tags |= {
            "sweep": self.sweep_id,
            "sweep_role": "child",
            PARENT: self.parent_run_id,
            LINKED: self.path(child),
            "status": child.status,
            "fingerprint": child.fingerprint,
            "config_group": child.group,
            "mlflow.note.content": self.note(child),
        }
        run_id = str(client.create_run(self.experiment_id, began, tags, title(child.overrides)).info.run_id)
        params = [Param(key, as_text(value)) for key, value in flatten(config_of(child.folder)).items()]
        metrics = [Metric(key, value, ended, 0) for key, value in child.metrics.items()]
        for row in child.history:
            epoch = int(row.get("epoch", 0))
            curves = {key: value for key, value in row.items() if key != "epoch" and math.isfinite(value)}
            metrics += [Metric(key, value, began + epoch, epoch) for key, value in curves.items()]
        client.log_batch(run_id, metrics, params)
        client.set_terminated(run_id, STATUS[child.status], ended)
        return run_id

    def note(self, child: Child) -> str:
        """What a copy's page says."""
        its_page = f"[the run]({run_page(self.experiment_id, child.run_id)})" if child.run_id else "the run"
        return f"Not trained for this sweep: a copy of the params and metrics of {its_page} in `{self.path(child)}`."


def config_of(folder: Path) -> dict[str, object]:
    """The config of the run in ``folder``; an empty one where it cannot be read."""
    try:
        return read_config(folder / "config.yaml")
    except (OSError, ValueError):
        return {}


def milliseconds(text: object) -> int:
    """A time as `run_folder.now` writes it, in milliseconds since 1970; 0 for what is none."""
    try:
        return round(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
