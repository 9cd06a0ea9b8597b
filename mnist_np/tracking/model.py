"""A run's network as MLflow's logged model (``tracking.model``), with the run's last metrics and the data they were measured on.

The run's folder ``model`` holds it (`portable.folder`), and a record of the journal has it sent.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.component import JsonDict, UserError
from mnist_np.files import write_atomically
from mnist_np.portable.folder import write_folder
from mnist_np.storage.saved_run import SavedRun
from mnist_np.tracking import artifacts
from mnist_np.tracking.inputs import describe_data, digest
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.model_registry import VALIDATION, validation
from mnist_np.tracking.own_files import check_own
from mnist_np.tracking.settings import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mnist_np.training.result import Result

log = logging.getLogger(__name__)

FOLDER = "model"
"""Where it is in the run's folder."""

LONGEST_CARD = 5000
"""Characters of the model card that the model's page shows; the whole one is among its files."""

MEASURED_ON = {"test/": "test", "best/": "val"}
"""Prefixes of the last metrics, and the split that they are of."""


def wanted(setting: str, is_child: bool, status: str) -> bool:
    """Whether ``tracking.model`` asks for the model of a run: ``auto`` for a single one that has finished."""
    return setting == "always" or (setting == "auto" and not is_child and status == "finished")


def log_model(folder: Path, journal: Journal, result: Result, tracking: Tracking, is_child: bool) -> None:
    """Write the model of a run that is over, if ``tracking`` asks for it, and have it logged; and registered, if the run is a
    single one that finished: a sweep registers the model of its best."""
    if not wanted(tracking.model, is_child, result.status):
        return
    if write(folder, result, describe_data(result.experiment, result.data)):
        journal.append("model", step=result.best_epoch)
        if tracking.register is not None and not is_child and result.status == "finished":
            journal.append("register", name=tracking.register)


def write(folder: Path, result: Result, data: dict[str, object]) -> bool:
    """Write the model of the run in ``folder``, whose data are described as ``data``.

    Gives whether it could be: components of one's own cannot leave this project.
    """
    example = result.data.pixels.inverse(result.data.test[:1].X[0]) if len(result.data.test) else None
    try:
        write_folder(folder / FOLDER, SavedRun(str(folder), folder), example)
        write_atomically(folder / FOLDER / VALIDATION, validation(result, data))
    except UserError as error:
        log.info("MLflow gets no model of this run: %s", error)
        return False
    return True


def send(client: MlflowClient, ledger: Ledger, folder: Path, journal: Journal, record: JsonDict) -> None:
    """Log the model of the run in ``folder``, or what is missing of one that was begun to be logged."""
    from mlflow.entities import LoggedModelOutput, Metric

    run_id, experiment_id = str(ledger.run_id), str(ledger.experiment_id)
    path = check_own(folder, FOLDER)
    if not path.is_dir():
        return
    records = [record for record, _ in journal.read()]
    start: JsonDict = next(record for record in records if record["kind"] == "start")
    found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'", max_results=1)
    if found:
        logged = found[0]
    else:
        tags = {"mlflow.note.content": (path / "README.md").read_text(encoding="utf-8")[:LONGEST_CARD]}
        logged = client.create_logged_model(experiment_id, "model", run_id, tags, start["params"])
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, record["step"])])
    model_id = logged.model_id
    artifacts.log_model(client, model_id, logged.artifact_location, path)
    client.finalize_logged_model(model_id, "READY")
    metrics: dict[str, Metric] = {}  # the last of each: a run that went on after a stop has those of the weights of then too
    for last in (record for record in records if record["kind"] == "metrics" and record["step"] == 0):
        for key, value in last["metrics"].items():
            split = next((split for prefix, split in MEASURED_ON.items() if key.startswith(prefix)), None)
            data = (start["data"]["name"], digest(start["data"], split)) if split else (None, None)
            metrics[key] = Metric(key, value, last["time"], 0, model_id, *data)
    client.log_batch(run_id, metrics=list(metrics.values()))
