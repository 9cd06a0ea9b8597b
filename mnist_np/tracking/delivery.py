"""Bringing a journal to MLflow: in order, each record at least once, and so that twice is the same as once.

MLflow keeps one value per (metric, step, time), so a metric sent again changes nothing; params, tags and files overwrite
themselves; only creating the run needs care (`Ledger.key`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Journal, Ledger, Record
from mnist_np.tracking.note import EXPERIMENT_ID, RUN_ID
from mnist_np.tracking.store import Store, first_line

log = logging.getLogger(__name__)

KEY = "run_key"
"""The tag that holds `Ledger.key`."""

ATTEMPTS = 3
"""At something that another process may be doing at the same moment."""

PARAMS_AT_ONCE = 100
"""What MLflow takes in one batch."""

METRICS_AT_ONCE = 1000

EVERY = 1.0
"""Seconds between deliveries: epochs of milliseconds go to the tracker together."""

SHARE = 10
"""After a delivery or an attempt that took t seconds there is none for SHARE * t: a tracker that is slow or away costs the
training a tenth of its time at most."""


class Delivery:
    """Sends what ``journal`` holds beyond ``ledger.offset`` to ``store``."""

    def __init__(self, folder: Path, journal: Journal, ledger: Ledger, store: Store) -> None:
        self.folder, self.journal, self.ledger, self.store = folder, journal, ledger, store
        self.next_attempt = 0.0
        self.warned = False

    @property
    def pending(self) -> bool:
        """Whether there are records that the tracker has not acknowledged."""
        return self.journal.size > self.ledger.offset

    def attempt(self, patience: float = 1.0) -> None:
        """Deliver if the tracker lets us, else leave it for later: warns once, never raises, never waits long."""
        if monotonic() < self.next_attempt:
            return
        began = monotonic()
        try:
            self.deliver(patience)
        except TrackingError as error:
            if not self.warned:
                log.warning("%s. Training goes on; the metrics are kept in %s", error, self.journal.path)
            self.warned = True
        self.next_attempt = monotonic() + max(EVERY, SHARE * (monotonic() - began))

    def deliver(self, patience: float) -> None:
        """Deliver everything. Raises TrackingError where it stops; what was acknowledged until then stays so.

        Raises OSError where a file of the run's folder cannot be read or written.
        """
        if not self.pending:
            return
        if not self.store.is_free(patience):
            raise TrackingError(f"the MLflow store {self.store.uri} is locked by another program")
        try:
            for records, offset in together(self.journal.read(self.ledger.offset)):
                self.send(records)
                self.ledger.offset = offset
                self.ledger.write(self.folder)
        except TrackingError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename:  # a full disk, or a file that cannot be read: not MLflow's fault
                raise
            raise TrackingError(f"MLflow at {self.store.uri} does not take it: {first_line(error)}") from error

    @property
    def run_id(self) -> str:
        """The run's id in MLflow, known since its start was delivered."""
        if self.ledger.run_id is None:
            raise TrackingError(f"{self.journal.path} does not begin with the start of a run")
        return self.ledger.run_id

    def send(self, records: list[Record]) -> None:
        """Send one record, or several of metrics."""
        from mlflow.entities import Metric, RunTag

        record = records[0]
        if record["kind"] == "start":
            self.start(record)
        mlflow, run_id = self.store.client, self.run_id
        if record["kind"] == "metrics":
            metrics = [Metric(key, value, r["time"], r["step"]) for r in records for key, value in r["metrics"].items()]
            for i in range(0, len(metrics), METRICS_AT_ONCE):
                mlflow.log_batch(run_id, metrics=metrics[i : i + METRICS_AT_ONCE])
        elif record["kind"] == "tags":
            ids = {RUN_ID: run_id, EXPERIMENT_ID: str(self.ledger.experiment_id)}
            mlflow.log_batch(run_id, tags=[RunTag(key, filled(value, ids)) for key, value in record["tags"].items()])
        elif record["kind"] == "files":
            for name in record["paths"]:
                self.send_file(name)
        elif record["kind"] == "end":
            mlflow.set_terminated(run_id, record["status"], record["time"])

    def send_file(self, name: str) -> None:
        """Send a file or folder of the run's folder; one that is not there is passed over."""
        path = self.folder / name
        if path.is_dir():
            self.store.client.log_artifacts(self.run_id, str(path), name)
        elif path.exists():
            self.store.client.log_artifact(self.run_id, str(path), str(Path(name).parent) if "/" in name else None)

    def start(self, record: Record) -> None:
        """Make the run known to MLflow, or go on with the one that is."""
        from mlflow.entities import Param, RunTag

        mlflow, ledger = self.store.client, self.ledger
        ledger.experiment_id = self.store.experiment_id(ledger.experiment)
        if ledger.run_id is None and ledger.asked:
            ledger.run_id = self.find()
        if ledger.run_id is None:
            ledger.asked = True
            ledger.write(self.folder)
            tags = record["tags"] | {KEY: ledger.key}
            ledger.run_id = mlflow.create_run(ledger.experiment_id, record["time"], tags, record["name"]).info.run_id
            known = {}
        else:
            mlflow.update_run(ledger.run_id, status="RUNNING")
            mlflow.log_batch(ledger.run_id, tags=[RunTag(key, value) for key, value in record["tags"].items()])
            run = mlflow.get_run(ledger.run_id)
            known = run.data.params
            if "reason" in run.data.tags:  # for which it was interrupted
                mlflow.delete_tag(ledger.run_id, "reason")
        ledger.write(self.folder)
        # MLflow's params cannot change. Those of a run that goes on differ at most in what does not affect its result.
        params = [Param(key, value) for key, value in record["params"].items() if key not in known]
        for i in range(0, len(params), PARAMS_AT_ONCE):
            mlflow.log_batch(ledger.run_id, params=params[i : i + PARAMS_AT_ONCE])
        self.log_data(ledger.run_id, record["data"])

    def log_data(self, run_id: str, data: dict[str, Any]) -> None:
        """Say what data the run uses. Of runs that name a new data set at the same moment MLflow refuses all but one:
        the others try again, and find it there."""
        for attempt in range(ATTEMPTS):
            try:
                self.store.client.log_inputs(run_id, datasets=[dataset_input(data)])
                return
            except Exception:
                if attempt == ATTEMPTS - 1:
                    raise

    def find(self) -> str | None:
        """The run that was created although its answer never came."""
        experiments = [self.store.experiment_id(self.ledger.experiment)]
        found = self.store.client.search_runs(experiments, f"tags.{KEY} = '{self.ledger.key}'", max_results=1)
        return found[0].info.run_id if found else None


def together(records: Iterator[tuple[Record, int]]) -> Iterator[tuple[list[Record], int]]:
    """The records with the offsets behind them, metrics that follow each other in one list."""
    for is_metrics, group in groupby(records, lambda pair: pair[0]["kind"] == "metrics"):
        pairs = list(group)
        if is_metrics:
            yield [record for record, _ in pairs], pairs[-1][1]
        else:
            yield from (([record], offset) for record, offset in pairs)


def filled(text: str, values: dict[str, str]) -> str:
    """``text`` with what was not known yet when it was written."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def dataset_input(data: dict[str, Any]) -> Any:
    """MLflow's description of a data set, from `runfolder.describe`'s."""
    import json

    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {name: data[name] for name in ("train", "val", "test")}
    source = json.dumps({"uri": data["source"], "sha256": data["sha256"]})
    dataset = Dataset(data["name"], data["sha256"][:36], "local", source, profile=json.dumps(profile))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
