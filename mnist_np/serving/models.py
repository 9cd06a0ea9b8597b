"""The networks that a server answers with: loaded when they are asked for, and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mnist_np.component import UserError
from mnist_np.registry import name_of
from mnist_np.storage.run_index import run_folders
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.storage.weights import Weights

KEPT = 8
"""Networks that are kept in memory."""

OFFERED = 50
"""Runs that are offered, the newest first."""


class UnknownModelError(UserError):
    """A model that this server does not have."""


@dataclass(frozen=True)
class Entry:
    """A network that can be asked for: its id in requests, a line that describes it, and how it is loaded."""

    id: str
    label: str
    load: Callable[[], Weights]


class Models:
    """The networks of a server. The first is the default. May be used by several threads."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self._loaded: OrderedDict[str, Weights] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str | None = None) -> Weights:
        """The network ``name``, or the default. Raises UnknownModelError, WeightsError, SavedRunError."""
        name = name or next(iter(self.entries))
        if name not in self.entries:
            raise UnknownModelError(f"there is no model '{name[:80]}'; GET /models lists those that there are")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self.entries[name].load()
            self._loaded.move_to_end(name)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
            return self._loaded[name]


def of_weights(name: str, weights: Weights) -> Entry:
    """An entry for weights that are loaded already."""
    return Entry(name, name, lambda: weights)


def of_runs(outputs: Path) -> list[Entry]:
    """An entry for each run under ``outputs`` that left weights, the newest first."""
    folders = [folder for folder in run_folders(outputs) if (folder / "weights.safetensors").is_file()]
    folders.sort(key=lambda folder: (folder / "weights.safetensors").stat().st_mtime, reverse=True)
    entries = []
    for folder in folders[:OFFERED]:
        run = SavedRun(folder.name, folder)
        entries.append(Entry(folder.relative_to(outputs).as_posix(), described(run), lambda run=run: run.weights))  # type: ignore[misc]
    return entries


def described(run: SavedRun) -> str:
    """``sgd 128-64 relu, 97.68 %, 25 Nov``: what tells one run from the others."""
    try:
        experiment = run.experiment
    except SavedRunError:
        return run.folder.name
    sizes = "-".join(map(str, experiment.model.hidden)) or "linear"
    what = f"{name_of(experiment.optimizer)} {sizes} {name_of(experiment.activation)} s{experiment.seed}"
    accuracy = run.metrics.get("test/accuracy")
    return f"{what}, {accuracy:.2%} ({run.folder.name})" if accuracy is not None else f"{what} ({run.folder.name})"
