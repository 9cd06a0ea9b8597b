"""The runs that are to be compared: found by folder, run id, or sweep, here or in the MLflow store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mnist_np.serialize import flatten
from mnist_np.storage.config_file import read_config
from mnist_np.storage.interrupted import SHORT_ID
from mnist_np.storage.records import numbers, read_json, read_json_lines, texts
from mnist_np.storage.saved_run import SavedRunError
from mnist_np.sweep.folder import JOBS
from mnist_np.sweep.saved_sweep import load_sweep
from mnist_np.sweep.values import title, varying
from mnist_np.tracking.client import TrackingError, all_runs
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.observer import as_text
from mnist_np.tracking.owner import read_owner
from mnist_np.tracking.store import Store, first_line
from mnist_np.tracking.sweep_children import milliseconds

TOO_SHORT = re.compile(r"[0-9a-f]{1,5}")
"""The beginning of a run's id that is too short to name it."""


@dataclass(frozen=True)
class Compared:
    """A run as the table shows it. ``began`` is in ms since 1970; 0 where it is not known."""

    name: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    run_id: str | None = None
    experiment_id: str | None = None
    folder: Path | None = None
    began: int = 0

    @property
    def short_id(self) -> str:
        """The beginning of its id in MLflow, by which it can be named."""
        return self.run_id[:8] if self.run_id else ""


def runs_named(name: str, store: Store) -> Iterator[Compared]:
    """The runs that ``name`` stands for. Raises TrackingError where there is none."""
    if os.path.isdir(name):  # unlike Path.is_dir, also asked of a name that is too long to be one
        return from_folders(Path(name))
    try:
        return iter(list(from_mlflow(name, store)))
    except TrackingError:
        with suppress(SavedRunError):
            return from_folders(load_sweep(name, store.outputs).folder)
        raise


def from_folders(folder: Path) -> Iterator[Compared]:
    """The run in ``folder``, the runs of the sweep there, those that it took from elsewhere included, or all runs within."""
    if (folder / JOBS).exists():
        named = (folder / str(entry.get("folder", "")) for entry in read_json_lines(folder / JOBS))
        folders = [Path(os.path.normpath(path)) for path in named if os.path.exists(path / "config.yaml")]
    else:
        folders = [folder] if (folder / "config.yaml").exists() else sorted(path.parent for path in folder.rglob("config.yaml"))
    if not folders:
        raise TrackingError(f"there is no run in {folder}: no config.yaml")
    titles = {parent: named_in(parent) for parent in {path.parent for path in folders}}
    for path in folders:
        try:
            config = read_config(path / "config.yaml")
        except OSError as error:
            raise TrackingError(f"{error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise TrackingError(f"{path / 'config.yaml'}: {error}") from None
        result, ledger = read_json(path / "result.json"), Ledger.read(path)
        metrics = result.get("metrics")
        yield Compared(
            titles[path.parent].get(path.name, path.name) if ledger and ledger.run_id else path.name,
            str(result.get("status", "not ended")),
            {key: as_text(value) for key, value in flatten(config).items()},
            numbers(metrics) if isinstance(metrics, dict) else {},
            ledger.run_id if ledger else None,
            ledger.experiment_id if ledger else None,
            path.absolute(),
            milliseconds(result.get("started")),
        )


def named_in(sweep: Path) -> dict[str, str]:
    """What the runs in a sweep's folder are called in MLflow, by the names of their own folders."""
    entries = [entry for entry in read_json_lines(sweep / JOBS) if isinstance(entry.get("overrides"), dict)]
    return {str(entry.get("folder")): title(texts(entry["overrides"])) for entry in entries}


def from_mlflow(name: str, store: Store) -> Iterator[Compared]:
    """The run or sweep with the id ``name``, as the store knows it."""
    if store.database is not None and not os.path.exists(store.database):
        raise TrackingError(f"'{name}' is no folder, and there are no runs in {store.outputs}")
    try:
        experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
        for where in (
            f"tags.sweep = '{name}' and tags.sweep_role = 'child'",
            f"tags.sweep = '{name}-{read_owner(store)}' and tags.sweep_role = 'child'",
            f"tags.mlflow.parentRunId = '{name}' and tags.sweep_role = 'child'",
            f"attributes.run_id LIKE '{name}%'" if SHORT_ID.fullmatch(name) else f"attributes.run_id = '{name}'",
        ):
            runs = list(all_runs(store.client, experiments, where))
            if "run_id" in where and len(runs) > 1:
                raise TrackingError(f"'{name}' is the beginning of {len(runs)} run ids in {store.uri}")
            if runs:
                break
    except TrackingError:
        raise
    except Exception as error:
        raise TrackingError(f"the MLflow store {store.uri} cannot be used: {first_line(error)}") from error
    if not runs:
        hint = "; a shortened id has six characters or more" if TOO_SHORT.fullmatch(name) else ""
        raise TrackingError(f"'{name}' is no folder, no run id and no sweep id in {store.uri}{hint}")
    if len(runs) == 1 and SHORT_ID.fullmatch(name) and runs[0].info.run_id.startswith(name):
        yield from from_mlflow(runs[0].info.run_id, store)  # which may be a parent's, with children
        return
    for run in runs:
        info, data = run.info, run.data
        status, began = data.tags.get("status", info.status.lower()), info.start_time or 0
        yield Compared(info.run_name, status, data.params, data.metrics, info.run_id, info.experiment_id, began=began)


def differing(runs: list[Compared]) -> list[str]:
    """The params that are not the same in all runs."""
    return [param.key for param in varying(run.params for run in runs)]
