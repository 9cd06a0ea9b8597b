"""The observer that logs a run to MLflow: into the journal first, and from there to the tracker."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.experiment import Experiment
from mnist_np.fingerprint import identify
from mnist_np.registry import name_of
from mnist_np.serialize import flatten, to_dict
from mnist_np.storage.provenance import RELEVANT, blas, versions
from mnist_np.tracking.addresses import address_of, sync_command, ui_command
from mnist_np.tracking.background import TIMEOUT, BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.delivery_process import access
from mnist_np.tracking.images import LOGGED, EpochImages
from mnist_np.tracking.inputs import describe_data
from mnist_np.tracking.journal import FILES, STATUS, Journal, Ledger, lock
from mnist_np.tracking.links import run_page
from mnist_np.tracking.note import note
from mnist_np.tracking.origin import origin_tags
from mnist_np.tracking.owner import SWEEP, sweep_tags
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
from mnist_np.training.events import EpochEnd, Observer, RunStart

if TYPE_CHECKING:
    from mnist_np.training.result import Result

log = logging.getLogger(__name__)

TABLES = json.dumps([{"path": "per_class.json", "type": "table"}])
"""Which of them MLflow shows as tables."""

ADVICE = "Without it: tracking.required=false keeps a journal to be delivered later, tracking=off needs no MLflow"

LONGEST_REASON = 1000
"""Characters of the tag ``reason``: MLflow takes 8,000, a person reads fewer."""

KILLED_TIMEOUT = 5.0
"""`TIMEOUT` of a run that was stopped by a signal; for the import of MLflow too."""


class MlflowObserver(Observer):
    """Logs the run in ``folder`` to the MLflow store of ``tracking``.

    ``run_id`` continues that run (resume), as does a folder that was tracked before. ``parent_run_id`` and ``tags`` say
    which sweep the run belongs to, ``run_name`` what it is called (default: model, optimizer and seed). To come after
    `RunFolder`, whose files it sends. ``separate``: a process of its own delivers, unless MLflow is imported here already.
    """

    def __init__(
        self,
        tracking: Tracking,
        outputs: Path,
        folder: Path,
        run_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        parent_run_id: str | None = None,
        run_id: str | None = None,
        separate: bool = False,
    ) -> None:
        self.required = tracking.required
        self.tracking, self.folder = tracking, folder
        self.store = store_of(tracking, outputs)
        self.run_name, self.tags, self.parent_run_id, self.run_id = run_name, dict(tags or {}), parent_run_id, run_id
        if SWEEP in self.tags:
            self.tags |= sweep_tags(self.store, self.tags[SWEEP])
        separate = separate and "mlflow" not in sys.modules
        self.access = access(self.store, separate)
        self.waits = self.required and not (separate and self.store.looks_usable)
        if self.waits:
            try:  # before the first step, so that the user hears at once
                self.access.check(tracking.experiment, tracking.register is not None)
            except TrackingError as error:
                self.access.close()
                raise TrackingError(f"{error}. {ADVICE}") from None

    def on_start(self, event: RunStart) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = lock(self.folder)
        self.journal = Journal(self.folder)
        self.journal.repair()
        ledger = self.ledger()
        self.delivery = BackgroundDelivery(self.access.delivery(self.folder, self.journal, ledger))
        ledger.write(self.folder)  # from the journal's beginning, if that was lost
        steps = [record.get("step") for record, _ in self.journal.read() if record["kind"] == "metrics"]
        self.logged = {step for step in steps if isinstance(step, int)}
        self.resumed = self.journal.size > 0
        experiment = event.experiment
        self.journal.append(
            "start",
            name=self.run_name or run_name(experiment),
            tags={"sweep_role": "single"} | self.tags | self.tags_of(event),
            params={key: as_text(value) for key, value in flatten(to_dict(experiment)).items()},
            data=describe_data(experiment, event.data),
            tracker=ledger.tracker,
        )
        self.journal.append("files", paths=["config.yaml"])
        self.images = EpochImages(self.folder, event) if self.tracking.images == "epochs" else None
        if event.progress.step == 0:
            self.log_images(event)
        self.again = {"again": True} if event.progress.history else {}
        for metrics in event.progress.history:  # what a journal that was lost or damaged does not know
            self.log_metrics(int(metrics["epoch"]), {key: value for key, value in metrics.items() if key != "epoch"})
        if self.waits:
            self.delivery.complete(TIMEOUT)
        else:
            self.delivery.attempt()

    def ledger(self) -> Ledger:
        """The folder's own, if it was tracked before, with the tracker of now; else a new one."""
        uri, outputs, experiment = self.store.uri, str(self.store.outputs.resolve()), self.tracking.experiment
        ledger = Ledger.read(self.folder)
        if ledger is None:
            return Ledger(uri, outputs, experiment, uuid.uuid4().hex, self.run_id)
        ledger.uri, ledger.outputs, ledger.experiment = uri, outputs, experiment
        return ledger

    def on_epoch(self, event: EpochEnd) -> None:
        if event.epoch not in self.logged:  # a resumed run may train an epoch again that it had logged already
            try:
                self.log_images(event)
            finally:  # after the images: an epoch that has its metrics is not logged again
                self.log_metrics(event.epoch, event.metrics)
        self.delivery.attempt()

    def log_metrics(self, epoch: int, metrics: dict[str, float]) -> None:
        """Add an epoch's numbers to the journal, unless they are there."""
        if epoch not in self.logged:
            self.journal.append("metrics", step=epoch, metrics=finite(metrics), **self.again)
            self.logged.add(epoch)

    def log_images(self, event: RunStart | EpochEnd) -> None:
        """Log the pictures of this epoch, if it is to have some."""
        if self.images and self.images.wanted(event.progress.epoch):
            self.journal.append("files", paths=self.images.save(event))
            self.journal.append("tags", tags=LOGGED)

    def on_end(self, result: Result) -> None:
        from mnist_np.tracking import model  # which imports much that the training need not wait for

        with closing(self.access):
            self.journal.final_metrics(result.metrics)
            self.journal.append("files", paths=list(FILES))
            status, reason = result.status, result.reason
            if result.failures and not (self.folder / "result.json").exists():  # `RunFolder` could not write what it leaves
                status, reason = "failed", f"the training has finished, but {'; '.join(result.failures)}"
            tags = {"mlflow.note.content": note(result, (self.folder / "figures").is_dir()), "mlflow.loggedArtifacts": TABLES}
            try:
                model.log_model(self.folder, self.journal, result, self.tracking, SWEEP in self.tags)
            finally:  # a model that finds no room leaves no run without its end
                self.finish(status, reason, tags)

    def on_failure(self, error: BaseException) -> None:
        with closing(self.access):
            if hasattr(self, "delivery"):
                self.journal.append("files", paths=list(FILES))
                self.finish("failed", f"{type(error).__name__}: {error}", {})

    def finish(self, status: str, reason: str, tags: dict[str, str]) -> None:
        """The last words, and the last attempt to deliver them all."""
        why = {"reason": reason[:LONGEST_REASON]} if reason or self.resumed else {}
        try:
            self.journal.append("tags", tags=tags | {"status": status} | why)
            self.journal.append("end", status=STATUS[status])
            self.delivery.complete(*([KILLED_TIMEOUT] * 2 if status == "killed" else [TIMEOUT]))
        except TrackingError as error:
            self.delivery.warn(error)
            log.warning("MLflow has not received all of this run. Deliver it later: %s", self.sync_command)
            if self.required and status != "killed" and not self.delivery.delivery.offset:  # it was not to go without
                raise
            return
        finally:
            self.lock.release()
        if "sweep" not in self.tags:  # a sweep brings the index up to date itself, once
            self.update_index()

    def update_index(self) -> None:
        """Have the experiment's page list this run, and call those dead whose processes were killed; else the next run does."""
        try:
            if (ledger := Ledger.read(self.folder)) and ledger.experiment_id:
                self.access.look_after(ledger.experiment_id)
        except Exception as error:
            log.debug("the index of the experiment is not up to date: %s", error)

    def where(self) -> str:
        """Where the run is to be seen: its page on the server, or the command that opens it."""
        ledger = Ledger.read(self.folder)
        if ledger is None or self.journal.size > ledger.offset:
            return f"not delivered yet: {self.sync_command}"
        address = address_of(self.store)
        if address and ledger.run_id and ledger.experiment_id:
            return f"{address}{run_page(ledger.experiment_id, ledger.run_id)}"
        return ui_command(self.store)

    @property
    def sync_command(self) -> str:
        return sync_command(self.store, self.folder)

    def tags_of(self, event: RunStart) -> dict[str, str]:
        """Where the run comes from, as tags."""
        library = blas()
        identity = identify(event.experiment, event.data.sha256, event.data.teacher_sha256)
        tags = origin_tags() | {
            "status": "running",
            "seed": str(event.experiment.seed),
            "run_folder": os.path.relpath(self.folder, self.store.outputs),
            "fingerprint": identity.fingerprint,
            "config_group": identity.group,
            "data.sha256": event.data.sha256,
            "blas": f"{library['name']} {library['version']}",
            "blas.threads": str(library["threads"]),
            "processes": str(event.mode.processes),
            "versions": ", ".join(f"{name} {versions()[name]}" for name in RELEVANT),
            "n_parameters": str(len(event.network.params)),
        }
        return tags | ({"mlflow.parentRunId": self.parent_run_id} if self.parent_run_id else {})


def run_name(experiment: Experiment) -> str:
    """``adam 128-64 s3``: what a single run is called. MLflow's lists show 20 characters."""
    hidden = experiment.model.hidden
    sizes = "-".join(map(str, hidden)) if len(hidden) <= 3 else f"{len(hidden)}x{hidden[0]}"
    return f"{name_of(experiment.optimizer)} {sizes or 'linear'} s{experiment.seed}"


def as_text(value: object) -> str:
    """A config value as the command line would take it: ``null``, ``true``, ``[256, 128]``, ``0.1``, ``relu``."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def finite(metrics: dict[str, float]) -> dict[str, float]:
    """The metrics that are numbers: MLflow's charts break on NaN, and it stores infinity as 1.8e308."""
    return {key: float(value) for key, value in metrics.items() if math.isfinite(value)}
