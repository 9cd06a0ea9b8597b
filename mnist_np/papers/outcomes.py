"""The runs of a row, kept as a small file in the repository: ``docs/results/<row>.json``, from which the page is made."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

from mnist_np.component import Component, JsonDict, UserError
from mnist_np.experiment import Experiment
from mnist_np.files import read_regular, write_atomically
from mnist_np.machine import cores, load, processor
from mnist_np.papers.rows import WITHOUT_VERDICT, Row
from mnist_np.papers.verdict import OPEN, relative_verdict, verdict
from mnist_np.serialize import flatten, from_dict, to_dict
from mnist_np.source_code import PACKAGE
from mnist_np.storage.config_file import read_config
from mnist_np.storage.provenance import RELEVANT
from mnist_np.storage.records import MAX_BYTES, parsed, read_json
from mnist_np.sweep.children import Child
from mnist_np.sweep.report import Spread
from mnist_np.terminal import counted
from mnist_np.training.mode import recorded

KINDS: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str, "dict[str, str]": dict}
"""Annotation of a field of `Outcome` -> what it may be in a file."""

MODE = ("training.threads", "training.processes")
"""Keys by which results differ by rounding alone. The mode that was used is recorded with each run."""

AWAY = "move its folder away, and the run is trained anew"
"""What helps where a file of a finished run was damaged."""


@dataclass(frozen=True)
class Outcome:
    """The result of one run.

    Attributes:
        seed: of all its random numbers.
        error: of the chosen epoch's weights, on the row's split, in percent.
        loss: on the same split: more digits than the error has, to compare two runs by.
        epoch: the chosen epoch.
        epochs: how many were trained.
        seconds: of the whole run, with validation.
        training_seconds: of the training steps alone, augmentation included.
        commit: of the code, with ``+`` if numeric code or configs had uncommitted changes.
        versions: of Python, NumPy and this package.
        blas: name, version and threads; processes, where there were several.
        cpu: the processor's name and the number of cores.
        load: the machine's load average when the run was recorded: above the number of cores the times are too long.
    """

    seed: int
    error: float
    loss: float
    epoch: int
    epochs: int
    seconds: float
    training_seconds: float
    commit: str
    versions: dict[str, str]
    blas: str
    cpu: str
    load: float

    @property
    def is_loaded(self) -> bool:
        """Whether the machine had more to do than it has cores."""
        found = re.search(r"(\d+) cores?$", self.cpu)
        return found is None or self.load > int(found[1])


@dataclass(frozen=True)
class Reproduction:
    """A row with its runs, and the config that they have in common."""

    row: Row
    runs: tuple[Outcome, ...] = ()
    config: Mapping[str, object] | None = None

    @cached_property
    def errors(self) -> list[float]:
        """The errors of the runs, in percent."""
        return [run.error for run in self.runs]

    @property
    def spread(self) -> Spread | None:
        """Mean and sd of the errors."""
        return Spread.of(self.errors)

    def missing(self, seeds: int) -> list[int]:
        """Which of the seeds 0 to ``seeds`` - 1 have not been run."""
        there = {run.seed for run in self.runs}
        return [seed for seed in range(seeds) if seed not in there]

    def minutes(self) -> float:
        """About the minutes that a run takes: measured, where there are runs."""
        measured = [run.seconds for run in self.runs]
        return sum(measured) / len(measured) / 60 if measured else self.row.minutes

    def verdict(self, others: Mapping[str, Reproduction]) -> str:
        """PASS, CLOSE, MISS or open; empty for a row that is not judged."""
        row = self.row
        if row.part in WITHOUT_VERDICT:
            return ""
        if row.below:
            other = others.get(row.below)
            return relative_verdict(self.errors, other.errors) if other else OPEN
        return OPEN if row.published is None else verdict(self.errors, row.published, row.sd)


def default_folder() -> Path:
    """``docs/results`` of the checkout that this package is imported from, or else of the current folder."""
    results = PACKAGE.parent / "docs" / "results"  # site-packages may have a folder docs, which others put there
    return results if results.is_dir() else Path("docs/results")


def outcome(child: Child, row: Row) -> Outcome | None:
    """The result of a finished run; None for one that is not finished, or that lacks a number.

    Raises UserError for a file of a finished run that was damaged: the sweep takes the run as it is, so it would never be mended.
    """
    path = child.folder / "result.json"
    result = read_json(path)
    metrics, git, blas = child.metrics, result.get("git"), result.get("blas")
    accuracy, loss = ("test/accuracy", "test/loss") if row.split == "test" else ("best/val_accuracy", "best/val_loss")
    if child.status != "finished" or accuracy not in metrics or loss not in metrics:
        return None
    if len(child.history) != result.get("epochs", len(child.history)):  # their times would be missing from a record's
        raise UserError(f"{child.folder / 'history.csv'}: has {len(child.history)} of {result['epochs']} epochs; {AWAY}")
    git, blas = git if isinstance(git, dict) else {}, blas if isinstance(blas, dict) else {}
    versions, mode = result.get("versions"), recorded(result.get("mode"))
    together = f" in each of {mode.processes} processes" if mode and mode.processes > 1 else ""
    try:
        return Outcome(
            int(result["seed"]),
            round(100 * (1 - metrics[accuracy]), 6),
            metrics[loss],
            int(result.get("best_epoch") or 0),
            len(child.history),
            round(float(result["seconds"]), 1),
            round(sum(epoch.get("time/epoch_s", 0.0) for epoch in child.history), 2),
            str(git.get("commit", ""))[:12] + ("+" if git.get("dirty") else ""),
            {name: str(version) for name, version in (versions or {}).items() if name in RELEVANT},
            f"{blas.get('name')} {blas.get('version')}, {counted(int(blas.get('threads') or 1), 'thread')}{together}",
            f"{processor()}, {counted(cores(), 'core')}",
            round(load(), 1),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(f"{path}: is no result of a run; {AWAY}") from None


def config_of(folder: Path) -> dict[str, object]:
    """The config of the run in ``folder``, without what differs between the runs of a row and between machines.

    Raises UserError where the file was damaged.
    """
    path = folder / "config.yaml"
    try:
        config = read_config(path)
    except ValueError as error:
        raise UserError(f"{path}: {error}; {AWAY}") from None
    return {key: value for key, value in config.items() if key not in ("seed", "outputs", "plugins")}


def is_same_recipe(recorded: Mapping[str, object], config: Mapping[str, object]) -> bool:
    """Whether two configs differ in no key but the mode.

    A key that was added after the recorded runs had its default there; one that was removed since counts for nothing. A row
    without any run has no config to differ from.
    """
    if not recorded:
        return True
    parts = vars(from_dict(Experiment, dict(config))).items()
    defaults = {key: to_dict(type(part)()) if isinstance(part, Component) else part for key, part in parts}
    before, now = flatten(defaults) | flatten(dict(recorded)), flatten(dict(config))
    return all(value == before.get(key, value) for key, value in now.items() if key not in MODE)


def path_of(folder: Path, name: str) -> Path:
    """The file of a row."""
    return folder / f"{name}.json"


def read(folder: Path, rows: Iterable[Row]) -> dict[str, Reproduction]:
    """Row's name -> what has been run of it. Raises UserError for a file that is no result, OSError if it cannot be read."""
    found = {}
    for row in rows:
        path = path_of(folder, row.name)
        if not path.exists():
            found[row.name] = Reproduction(row)
            continue
        try:
            content = parsed(read_regular(path, MAX_BYTES, follow=True).decode())
            runs, config = tuple(outcome_of(run) for run in content["runs"]), content["config"]
            if content["row"] != row.name:
                raise UserError(f"{path}: holds the results of {content['row']}; delete it, and the row is run anew")
            if not isinstance(config, dict) or len({run.seed for run in runs}) < len(runs):
                raise TypeError("no config, or a seed twice")
        except (KeyError, TypeError, UnicodeDecodeError):
            raise UserError(f"{path}: is no file of results; delete it, and the row is run anew") from None
        found[row.name] = Reproduction(row, runs, config)
    return found


def outcome_of(content: JsonDict) -> Outcome:
    """A run as its file has it. Raises TypeError for a key or a value that is none of a run."""
    run = Outcome(**content)
    for field in fields(run):
        if not isinstance(getattr(run, field.name), KINDS[str(field.type)]):
            raise TypeError(field.name)
    return run


def write(folder: Path, row: Row, command: str, runs: Iterable[Outcome], config: Mapping[str, object]) -> None:
    """Write the file of a row: one line for each run."""
    head = {"row": row.name, "command": command, "split": row.split, "config": config}
    lines = ",\n    ".join(json.dumps(asdict(run)) for run in sorted(runs, key=lambda run: run.seed))
    parts = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    os.makedirs(folder, exist_ok=True)
    write_atomically(path_of(folder, row.name), "{\n" + ",\n".join([*parts, f'  "runs": [\n    {lines}\n  ]']) + "\n}\n")
