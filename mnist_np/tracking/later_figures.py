"""Figures that are drawn when a run is over: into its folder, and to MLflow where the run was tracked."""

from __future__ import annotations

from pathlib import Path

from mnist_np.figures.run import draw
from mnist_np.files import near
from mnist_np.invocation import with_outputs
from mnist_np.storage.saved_result import result_of
from mnist_np.storage.saved_run import SavedRun
from mnist_np.storage.teacher import load_data
from mnist_np.tracking.background import TIMEOUT, BackgroundDelivery
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.journal import STATUS, Journal, Ledger, locked
from mnist_np.tracking.note import note
from mnist_np.tracking.own_files import DELIVERY_FILES, check_own
from mnist_np.tracking.own_store import store_for
from mnist_np.tracking.store import Store
from mnist_np.training.result import Result


def draw_figures(run: SavedRun, outputs: Path, store: Store | None = None) -> tuple[list[Path], str]:
    """Draw the figures of ``run`` into its folder, and deliver them to ``store``, or else to the one of ``outputs``.

    Returns:
        The figures' paths, and a line for the user where MLflow was not told: a folder may come from anybody, so the address
        that it names is spoken to only if it is that of ``outputs`` itself. `sync` can then deliver them.

    Raises:
        SavedRunError: it has not come to its end, or its data are not what they were.
        TrackingError: MLflow does not take them, or another process is at work on the run; they are in the folder.
        OSError: they cannot be written.
    """
    result = result_of(run, load_data(run.experiment, outputs))
    draw(result, run.folder / "figures")
    paths = sorted((run.folder / "figures").glob("*.png"))
    for name in DELIVERY_FILES:
        check_own(run.folder, name)
    ledger = Ledger.read(run.folder)
    if ledger is None:
        return paths, ""
    with locked(run.folder):
        journal = Journal(run.folder)
        add_to_journal(journal, result)
        try:
            store = store or store_for(ledger, run.folder, outputs)
        except TrackingError as error:
            sync = with_outputs("sync", outputs, near(run.folder))
            return paths, f"MLflow was not told of the figures; {sync} tells it. The run {error}"
        BackgroundDelivery(Delivery(run.folder, journal, ledger, store)).complete(TIMEOUT)
    return paths, ""


def add_to_journal(journal: Journal, result: Result) -> None:
    """Add the figures to the journal of a run that is over."""
    journal.repair()
    conclude(journal, "its process ended without a word")
    ended = [{"time": record["time"]} for record, _ in journal.read() if record["kind"] == "end" and "time" in record]
    journal.append("files", paths=["figures"])
    journal.append("tags", tags={"mlflow.note.content": note(result), "status": result.status})
    # In the words and at the time of the end before: the run is over as it was. A journal that was lost has none.
    journal.append("end", status=STATUS[result.status], **(ended[-1] if ended else {}))
