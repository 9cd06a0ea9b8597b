"""An earlier sweep, read from its folder: its runs, its ranking, and both as pandas tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.files import near
from mnist_np.invocation import default_outputs
from mnist_np.storage.records import read_json, texts
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.sweep.children import Child
from mnist_np.sweep.folder import JOBS, SweepFolder
from mnist_np.sweep.plan import safe
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.tables import rows
from mnist_np.sweep.values import ABSENT, title

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SavedSweep:
    """The runs of a sweep's last start, read from their folders."""

    folder: Path
    outputs: Path

    def __repr__(self) -> str:
        return f"SavedSweep({near(self.folder)}: {self.report.overview()})"

    @cached_property
    def report(self) -> SweepReport:
        """The runs, counted by status, and the configurations, ranked."""
        about = read_json(self.folder / "summary.json")
        metric, name = about.get("metric", "best/val_accuracy"), about.get("name", self.folder.name)
        folder = SweepFolder.at(self.folder, self.outputs)
        children = folder.children()
        outdated = set(folder.runs()) - {child.folder for child in children}
        return SweepReport(
            str(name),
            children,
            str(metric),
            about.get("direction") != "minimize",
            further={key: direction == "maximize" for key, direction in texts(about.get("further")).items()},
            outdated=len(outdated),
        )

    @property
    def commands(self) -> dict[str, str]:
        """The command lines that made the sweep and that go on with it, by what they do."""
        return texts(read_json(self.folder / "summary.json").get("commands"))

    @property
    def runs(self) -> list[SavedRun]:
        """All runs, each with ``experiment``, ``metrics``, ``history`` and ``weights``."""
        return [saved(child) for child in self.report.children]

    @property
    def best(self) -> SavedRun | None:
        """The finished run that the sweep's metric likes best; None where there is none."""
        return saved(self.report.best) if self.report.best else None

    def frame(self) -> pd.DataFrame:
        """A row for each run: what varies, as numbers where it is numbers, then status, MLflow id, folder and metrics."""
        import pandas as pd

        children = self.report.children
        known = [{"status": c.status, "run_id": c.run_id, "folder": str(c.folder), **c.metrics} for c in children]
        return pd.DataFrame([{**c.overrides, **row} for c, row in zip(children, known, strict=True)]).assign(**self._typed(None))

    def curves(self) -> pd.DataFrame:
        """A row for each epoch of each run: what varies, then ``epoch`` and the metrics of ``history.csv``."""
        import pandas as pd

        epochs = [(c, row) for c in self.report.children for row in c.history]
        found = pd.DataFrame([{**c.overrides, **row} for c, row in epochs]).assign(**self._typed([c for c, _ in epochs]))
        return found.astype({"epoch": int}) if len(found) else found

    def table(self) -> pd.DataFrame:
        """A row for each configuration, best first: what varies, as numbers where it is numbers, mean, sd, n, interval, and the
        test against the best."""
        import pandas as pd

        table, report = pd.DataFrame(rows(self.report)), self.report
        columns = {param.key: [c.values[param.key] for c in report.configurations] for param in report.params}
        varied = {key: typed([None if text == ABSENT else text for text in column]) for key, column in columns.items()}
        unknown = [key for key in table if key not in varied and key != "pareto_front" and table[key].dtype == object]
        return table.assign(**varied).astype(dict.fromkeys(unknown, float))

    def _typed(self, children: list[Child] | None) -> dict[str, list[object]]:
        """The columns of what varies, for all runs or the given ones."""
        children = self.report.children if children is None else children
        keys = dict.fromkeys(key for child in children for key in child.overrides)
        return {key: typed([child.overrides.get(key) for child in children]) for key in keys}


def saved(child: Child) -> SavedRun:
    """A run of a sweep, called by what varies."""
    return SavedRun(title(child.overrides), child.folder)


def typed(texts: list[str | None]) -> list[object]:
    """Values as whole numbers, as numbers or as truth values, the first that all of them are; else the texts themselves."""
    for kind in (int, float, TRUTH.__getitem__):
        try:
            return [None if text in (None, "null") else kind(text) for text in texts]
        except (ValueError, KeyError):
            continue
    return list(texts)


TRUTH = {"true": True, "false": False, "True": True, "False": False}


def load_sweep(sweep: str | Path, outputs: str | Path | None = None) -> SavedSweep:
    """Find an earlier sweep.

    Args:
        sweep: its folder, its id (eight hex digits, the end of its folder's name), or its name.
        outputs: the folder of all results; default: MNIST_NP_OUTPUTS, or ``outputs``.

    Returns:
        Its runs, their configs and metrics, also as tables of pandas.

    Raises:
        SavedRunError: there is no such sweep, or there are several.
    """
    root, name = Path(outputs or default_outputs()), str(sweep)
    if os.path.exists(Path(name) / JOBS):
        path = whole(name)
        return SavedSweep(path, whole(outputs) if outputs else path.parent.parent)
    there_are = os.path.isdir(root / "sweeps")  # unlike Path.glob, also asked of a path that is too long to be one
    folders = sorted(path.parent for path in root.glob(f"sweeps/*/{JOBS}")) if there_are else []
    found = [folder for folder in folders if name in (folder.name, folder.name.rpartition("-")[2])]
    found = found or [folder for folder in folders if safe(name) == folder.name.rpartition("-")[0] or name == name_of(folder)]
    if len(found) > 1:
        raise SavedRunError(f"{name}: there are several: {', '.join(folder.name for folder in found)}")
    if not found:
        there = ", ".join(folder.name for folder in folders[:10]) or "none"
        raise SavedRunError(f"{name}: no sweep's folder, id or name under {root}; there are: {there}")
    return SavedSweep(whole(found[0]), whole(root))


def whole(path: str | Path) -> Path:
    """The absolute path without ``..``, as those of a sweep's runs are: they are compared."""
    return Path(os.path.abspath(path))


def name_of(folder: Path) -> str:
    """What the sweep in a folder is called."""
    return str(read_json(folder / "summary.json").get("name", ""))
