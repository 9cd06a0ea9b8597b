"""What a run asks of its store, by its own process; `delivery_process` has it asked by another one."""

from __future__ import annotations

from pathlib import Path

from mnist_np.tracking.deadline import ask
from mnist_np.tracking.delivery import Delivery
from mnist_np.tracking.index import look_after
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.model_registry import check_store
from mnist_np.tracking.store import Store


class Access:
    """Asks ``store``, and imports MLflow for it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def check(self, experiment: str, registry: bool) -> None:
        """Find the experiment or make it, and the registry if one is needed. Raises TrackingError."""
        ask(self.store, lambda: check_store(self.store, experiment, registry))

    def delivery(self, folder: Path, journal: Journal, ledger: Ledger) -> Delivery:
        """The delivery of the run in ``folder``."""
        return Delivery(folder, journal, ledger, self.store)

    def look_after(self, experiment_id: str) -> None:
        """Bring the experiment's page up to date."""
        ask(self.store, lambda: look_after(self.store, experiment_id))

    def close(self) -> None:
        """Nothing will be asked any more."""
