"""Delivery of a journal to MLflow: in order, each record at least once; sending one twice has no further effect.

MLflow keeps one value per (metric, step, time), so a metric sent again changes nothing; params, tags and files overwrite
themselves; only creating the run needs care (`Ledger.key`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from mnist_np.component import JsonDict
from mnist_np.tracking import model
from mnist_np.tracking.artifacts import log_path
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.database import Identity
from mnist_np.tracking.inputs import dataset_inputs
from mnist_np.tracking.journal import Journal, Ledger, together
from mnist_np.tracking.model_registry import register
from mnist_np.tracking.note import EXPERIMENT_ID, RUN_ID, filled
from mnist_np.tracking.own_files import check_own
from mnist_np.tracking.store import Store, first_line

KEY = "run_key"
"""The tag that holds `Ledger.key`."""

FORMER = "former_run_id"
"""The tag of a run that was made anew: the id that it had in a store that was lost."""

PARENT = "mlflow.parentRunId"

_PARENTS: set[tuple[Identity | None, str]] = set()
"""Parents that were seen in a file: the runs of a sweep that a worker makes one after the other have the same."""

ATTEMPTS = 3
"""At something that another process may be doing at the same moment."""


class Delivery:
    """Sends what ``journal`` holds beyond ``ledger.offset`` to ``store``.

    A run that the store does not have any more, since its file or its server's was lost, is made anew from the whole journal.
    """

    def __init__(self, folder: Path, journal: Journal, ledger: Ledger, store: Store) -> None:
        self.folder, self.journal, self.ledger, self.store = folder, journal, ledger, store
        self._found_in: list[Identity | None] = []
        self._cancelled, self._writing = False, threading.Lock()
        self._artifact_uri = ""
        self._logged: set[int] | None = None
        ledger.start_again_if_lost(journal)

    @property
    def pending(self) -> bool:
        """Whether there are records that the tracker has not acknowledged."""
        return self.journal.size > self.ledger.offset

    @property
    def offset(self) -> int:
        """How far the tracker has acknowledged the journal."""
        return self.ledger.offset

    def prepare(self) -> None:
        """Have MLflow imported and the store ready, where another process sees to that."""

    def cancel(self) -> None:
        """End a delivery that another thread is making, at its next record; nothing is written any more."""
        with self._writing:
            self._cancelled = True

    def deliver(self, timeout: float) -> None:
        """Deliver everything, having seen once that the store has the run.

        Args:
            timeout: seconds to wait for a locked database.

        Raises:
            TrackingError: it ends here; what was acknowledged until now stays so.
            OSError: a file of the run's folder cannot be read or written.
        """
        file = self.store.open()
        if not self.pending and file in self._found_in:
            return
        if not self.store.is_free(timeout):
            raise TrackingError(f"the MLflow store {self.store.uri} is locked by another program")
        try:
            self._deliver(file)
        except TrackingError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename:  # a full disk, or a file that cannot be read: not MLflow's fault
                raise
            raise TrackingError(f"MLflow at {self.store.uri} does not take it: {first_line(error)}") from error

    def _deliver(self, file: Identity | None) -> None:
        try:
            if self.ledger.run_id is not None and file not in self._found_in:
                self._artifact_uri = self.store.client.get_run(self.ledger.run_id).info.artifact_uri
            self._send_all(file)
        except Exception as error:
            if getattr(error, "error_code", None) != "RESOURCE_DOES_NOT_EXIST" or self.ledger.run_id is None:
                raise
            self.begin_anew()
            self._send_all(file)
        self._found_in.append(file)

    def _send_all(self, file: Identity | None) -> None:
        for records, offset in together(self.journal.read(self.ledger.offset)):
            self.send(records)
            self._acknowledge(offset, file)

    def _acknowledge(self, offset: int, file: Identity | None) -> None:
        """Note how far the tracker has everything, if it was the file that is still there."""
        if self.store.file != file:
            raise TrackingError(f"the MLflow store {self.store.uri} was deleted or replaced while it was written")
        with self._writing:
            if self._cancelled:
                raise TrackingError("the delivery was cancelled")
            self.ledger.offset = offset
            self.ledger.write(self.folder)

    def begin_anew(self) -> None:
        """Have the run made again from the whole journal. MLflow gives it another id; a tag links it to the one it had."""
        ledger = self.ledger
        if ledger.run_id is not None:
            ledger.former_run_ids.append(ledger.run_id)
        ledger.run_id, ledger.offset, ledger.asked = None, 0, True
        self._logged = None

    @property
    def run_id(self) -> str:
        """The run's id in MLflow, known since its start was delivered."""
        if self.ledger.run_id is None:
            raise TrackingError(f"{self.journal.path} does not begin with the start of a run")
        return self.ledger.run_id

    def send(self, records: list[JsonDict]) -> None:
        """Send one record, or several of metrics."""
        from mlflow.entities import Metric, RunTag

        record = records[0]
        if record["kind"] == "start":
            self.start(record)
        mlflow, run_id = self.store.client, self.run_id
        if record["kind"] == "metrics":
            new = [r for r in records if not (r.get("again") and r["step"] in self.logged(r["metrics"]))]
            metrics = [Metric(key, value, r["time"], r["step"]) for r in new for key, value in r["metrics"].items()]
            mlflow.log_batch(run_id, metrics)
        elif record["kind"] == "tags":
            ids = {RUN_ID: run_id, EXPERIMENT_ID: str(self.ledger.experiment_id)}
            mlflow.log_batch(run_id, tags=[RunTag(key, filled(value, ids)) for key, value in record["tags"].items()])
        elif record["kind"] == "files":
            for name in record["paths"]:
                self.send_file(name)
        elif record["kind"] == "model":
            model.send(mlflow, self.ledger, self.folder, self.journal, record)
        elif record["kind"] == "register":
            register(self.store, self.ledger, record["name"])
        elif record["kind"] == "end":
            mlflow.set_terminated(run_id, record["status"], record["time"])

    def logged(self, metrics: Iterable[str]) -> set[int]:
        """The epochs whose ``metrics`` the tracker had when it was first asked: a journal that was lost knew of them."""
        if self._logged is None:
            history = self.store.client.get_metric_history(self.run_id, next(iter(metrics), ""))
            self._logged = {metric.step for metric in history}
        return self._logged

    def send_file(self, name: str) -> None:
        """Send a file or folder of the run's folder; one that is not there is passed over. Raises TrackingError for a link."""
        path = check_own(self.folder, name)
        if path.exists():
            log_path(self.store.client, self.run_id, self._artifact_uri, path, name)

    def start(self, record: JsonDict) -> None:
        """Make the run known to MLflow, or go on with the one that is."""
        from mlflow.entities import Param, RunTag

        mlflow, ledger = self.store.client, self.ledger
        ledger.experiment_id = self.store.experiment_id(ledger.experiment)
        if ledger.run_id is None and ledger.asked:
            ledger.run_id = self.find()
        if ledger.run_id is None:
            ledger.asked = True
            ledger.write(self.folder)
            tags = record["tags"] | {KEY: ledger.key} | self.parent(record["tags"])
            if ledger.former_run_ids:
                tags[FORMER] = ledger.former_run_ids[-1]
            created = mlflow.create_run(ledger.experiment_id, record["time"], tags, record["name"]).info
            ledger.run_id, self._artifact_uri = created.run_id, created.artifact_uri
            known = {}
        else:
            mlflow.update_run(ledger.run_id, status="RUNNING")
            tags = record["tags"] | self.parent(record["tags"])
            mlflow.log_batch(ledger.run_id, tags=[RunTag(key, value) for key, value in tags.items()])
            run = mlflow.get_run(ledger.run_id)
            known, self._artifact_uri = run.data.params, run.info.artifact_uri
            if "reason" in run.data.tags:  # for which it was interrupted
                mlflow.delete_tag(ledger.run_id, "reason")
        ledger.write(self.folder)
        # MLflow's params cannot change. Those of a run that goes on differ at most in what does not affect its result.
        params = [Param(key, value) for key, value in record["params"].items() if key not in known]
        mlflow.log_batch(ledger.run_id, params=params)
        self.log_data(ledger.run_id, record["data"])

    def parent(self, tags: dict[str, str]) -> dict[str, str]:
        """The tag that says which run is the parent, if it is another now: a sweep's parent may have been made anew too."""
        if PARENT not in tags or "sweep" not in tags:
            return {}
        seen = self.store.file, tags[PARENT]
        try:
            if seen[0] is None or seen not in _PARENTS:
                self.store.client.get_run(tags[PARENT])
                _PARENTS.add(seen)
            return {}
        except Exception as error:
            if getattr(error, "error_code", None) != "RESOURCE_DOES_NOT_EXIST":
                raise
        where = f"tags.sweep = '{tags['sweep']}' and tags.sweep_role = 'parent'"
        found = self.store.client.search_runs([str(self.ledger.experiment_id)], where, max_results=1)
        return {PARENT: found[0].info.run_id} if found else {}

    def log_data(self, run_id: str, data: dict[str, object]) -> None:
        """Say what data the run uses. Of runs that name new data sets at the same moment MLflow refuses all but one:
        the others try again, and find it there."""
        for attempt in range(ATTEMPTS):
            try:
                self.store.client.log_inputs(run_id, datasets=dataset_inputs(data))
                return
            except Exception:
                if attempt == ATTEMPTS - 1:
                    raise

    def find(self) -> str | None:
        """The run that was created although its answer never came."""
        experiments = [self.store.experiment_id(self.ledger.experiment)]
        found = self.store.client.search_runs(experiments, f"tags.{KEY} = '{self.ledger.key}'", max_results=1)
        return found[0].info.run_id if found else None
