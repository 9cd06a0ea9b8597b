"""A run's own folder: everything that the run leaves, as plain files. With ``tracking=off`` it is all there is.

run.json (begun, by whom), config.yaml, source.diff (where the code was not that of its commit), history.csv (a row per epoch, as
it happens), weights.safetensors, per_class.json, figures/*.png and, when the run is over, result.json. Each is written whole or
not at all.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from mnist_np.component import JsonDict
from mnist_np.data.dataset import Dataset
from mnist_np.files import append, write_atomically
from mnist_np.fingerprint import identify
from mnist_np.serialize import to_dict
from mnist_np.source_code import git, numeric_sha256, uncommitted
from mnist_np.storage.provenance import blas, versions
from mnist_np.storage.records import read_json
from mnist_np.storage.weights import save_weights
from mnist_np.training.events import EpochEnd, Observer, RunStart

if TYPE_CHECKING:
    from mnist_np.training.result import Result


class RunFolder(Observer):
    """Writes a run into ``path``. A run that goes on in its folder (resume) keeps what is there.

    ``required``: a folder that cannot be written stops the run before its first step.
    """

    required = True

    def __init__(self, path: Path, figures: bool = True) -> None:
        self.path, self.figures = path, figures
        self.columns: list[str] = []
        self.started = now()

    def on_start(self, event: RunStart) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "result.json").unlink(missing_ok=True)  # of a run that goes on now
        identity = identify(event.experiment, event.data.sha256, event.data.teacher_sha256)
        self.about = {
            "fingerprint": identity.fingerprint,
            "group": identity.group,
            "inputs": identity.inputs(),
            "seed": event.experiment.seed,
            "data": describe(event.data),
            "n_parameters": len(event.network.params),
            "versions": versions(),
            "blas": blas(),
            "mode": event.mode.record,
            "git": git(),
            "code_sha256": numeric_sha256(),
            "started": self.started,
        }
        started = {key: self.about[key] for key in ("fingerprint", "mode", "started")}
        update_json(self.path / "run.json", started | {"pid": os.getpid(), "host": platform.node()})
        write_atomically(self.path / "config.yaml", as_yaml(to_dict(event.experiment)))
        if patch := uncommitted():
            write_atomically(self.path / "source.diff", patch)
        self.write_history(event.progress.history)

    def on_epoch(self, event: EpochEnd) -> None:
        row = event.progress.history[-1]
        if list(row) == self.columns:
            self.columns = []  # until all is well: where a full disk cuts the row off, the file is written anew
            append(self.path / "history.csv", as_csv(list(row), [row], header=False))
            self.columns = list(row)
        else:
            self.write_history(event.progress.history)

    def write_history(self, history: list[dict[str, float]]) -> None:
        """The whole history anew: at the start, and when an epoch brings columns that the file does not have yet."""
        self.columns = list(dict.fromkeys(key for row in history for key in row))
        write_atomically(self.path / "history.csv", as_csv(self.columns, history) if history else "")

    def on_end(self, result: Result) -> None:
        save_weights(self.path / "weights.safetensors", result.network, result.experiment, result.data)
        self.write_history(result.history)
        write_atomically(self.path / "per_class.json", as_table(result.classes))
        try:
            if self.figures:
                from mnist_np.figures.run import draw

                draw(result, self.path / "figures")
        finally:
            write_atomically(self.path / "result.json", as_json(summary(result) | self.about | {"ended": now()}))

    def on_failure(self, error: BaseException) -> None:
        if self.path.is_dir():
            content = {"status": "failed", "reason": f"{type(error).__name__}: {error}", "metrics": {}, "ended": now()}
            write_atomically(self.path / "result.json", as_json(content | getattr(self, "about", {})))


def summary(result: Result) -> dict[str, object]:
    """The result of a run as plain data. Numbers that are not finite become None: JSON has no others."""
    return {
        "status": result.status,
        "reason": result.reason,
        "metrics": {key: value if math.isfinite(value) else None for key, value in result.metrics.items()},
        "best_epoch": result.best_epoch,
        "epochs": len(result.history),
        "seconds": result.seconds,
    }


def describe(data: Dataset) -> JsonDict:
    """A data set in a few words: name, hash, where it lay, and how many examples each split has."""
    sizes = {"train": len(data.train), "val": len(data.val), "test": len(data.test)}
    return {"name": data.name, "sha256": data.sha256, "source": data.source} | sizes


def now() -> str:
    """The local time with its offset from UTC: ``2026-11-23T14:05:09+01:00``."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def as_yaml(values: JsonDict) -> str:
    """YAML for people: keys in their own order, short lists on one line."""
    text: str = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    return text


def as_json(values: JsonDict) -> str:
    return json.dumps(values, indent=2, allow_nan=False) + "\n"


def as_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as JSON of columns and data, which MLflow shows as a table and `pandas.read_json(..., orient="split")` reads."""
    return as_json({"columns": list(rows[0]) if rows else [], "data": [list(row.values()) for row in rows]})


def as_csv(columns: list[str], rows: list[dict[str, float]], header: bool = True) -> str:
    """Rows of a history as CSV; a key that a row lacks is an empty field."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def update_json(path: Path, values: JsonDict) -> None:
    """Set keys of a JSON file, keeping its others."""
    write_atomically(path, as_json(read_json(path) | values))
