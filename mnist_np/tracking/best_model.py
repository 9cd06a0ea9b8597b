"""The model of a sweep's best run, logged and registered when the sweep is over."""

from __future__ import annotations

import logging
from pathlib import Path

from mnist_np.component import UserError
from mnist_np.storage.saved_result import result_of
from mnist_np.storage.saved_run import SavedRun
from mnist_np.storage.teacher import load_data
from mnist_np.sweep.report import SweepReport
from mnist_np.tracking import model
from mnist_np.tracking.journal import Journal, Ledger, locked
from mnist_np.tracking.settings import Tracking

log = logging.getLogger(__name__)


def log_best(tracking: Tracking, report: SweepReport, status: str, outputs: Path) -> None:
    """Add the model of the best run to its journal, as ``tracking`` asks for it, unless it is there; and its registration.

    A sweep that was interrupted has no best run yet. What goes wrong is reported, and fails no sweep.
    """
    best = report.best
    if best is None or status == "KILLED" or tracking.model == "never":
        return
    try:
        ledger = Ledger.read(best.folder)
        if ledger is None:
            return
        with locked(best.folder):
            journal = Journal(best.folder)
            journal.repair()
            records = [record for record, _ in journal.read()]
            add_model = not any(record["kind"] == "model" for record in records)
            named = {record.get("name") for record in records if record["kind"] == "register"}
            add_name = tracking.register is not None and tracking.register not in named
            ends = [record for record in records if record["kind"] == "end"]
            if not ends or not (add_model or add_name):
                return
            run = SavedRun(best.folder.name, best.folder)
            if add_model:
                result = result_of(run, load_data(run.experiment, outputs))
                if not model.write(best.folder, result, records[0]["data"]):
                    return
                journal.append("model", step=result.best_epoch)
            if add_name:
                journal.append("register", name=tracking.register)
            journal.append("tags", tags={"status": best.status})  # the run is over as before, in the same words
            journal.append("end", status=ends[-1]["status"], time=ends[-1]["time"])
    except (UserError, OSError) as error:
        log.warning("MLflow has no model of the sweep's best run: %s", error)
