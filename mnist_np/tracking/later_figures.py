"""Figures that are drawn when a run is over: into its folder, and to MLflow where the run was tracked."""

from __future__ import annotations

from pathlib import Path

from mnist_np.figures.run import draw
from mnist_np.storage.saved_result import result_of
from mnist_np.storage.saved_run import SavedRun
from mnist_np.storage.teacher import load_data
from mnist_np.tracking.background import TIMEOUT, BackgroundDelivery
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import STATUS, Journal, Ledger, lock
from mnist_np.tracking.note import note
from mnist_np.tracking.store import Store


def draw_figures(run: SavedRun, outputs: Path) -> list[Path]:
    """Draw the figures of ``run`` into its folder, and deliver them. Gives their paths.

    Raises:
        SavedRunError: it has not come to its end, or its data are not what they were.
        TrackingError: MLflow does not take them, or another process is at work on the run; they are in the folder.
        OSError: they cannot be written.
    """
    result = result_of(run, load_data(run.experiment, outputs))
    draw(result, run.folder / "figures")
    ledger = Ledger.read(run.folder)
    if ledger is not None:
        held = lock(run.folder)
        try:
            journal = Journal(run.folder)
            journal.repair()
            conclude(journal, "its process ended without a word")
            ended = [{"time": record["time"]} for record, _ in journal.read() if record["kind"] == "end" and "time" in record]
            journal.append("files", paths=["figures"])
            journal.append("tags", tags={"mlflow.note.content": note(result), "status": result.status})
            # In the words and at the time of the end before: the run is over as it was. A journal that was lost has none.
            journal.append("end", status=STATUS[result.status], **(ended[-1] if ended else {}))
            store = Store(ledger.uri, Path(ledger.outputs))
            BackgroundDelivery(Delivery(run.folder, journal, ledger, store)).complete(TIMEOUT)
        finally:
            held.release()
    return sorted((run.folder / "figures").glob("*.png"))
