"""The journal of a run: all that is to be sent to its tracker, written first into the run's folder, line by line.

A tracker may be away; the folder is there. Each line of ``journal.jsonl`` is a record ``{"kind": ..., "time": ms, ...}``::

    start     name, tags, params, data, tracker     the run begins
    metrics   step, metrics, again                  an epoch's numbers; again: the tracker may have those of this step
    tags      tags
    files     paths                                 files of the run's folder that the tracker shall have
    model     step                                  the run's folder ``model``, of the weights after this epoch
    register  name                                  the logged model becomes a version of this registered model
    end       status                                MLflow's: FINISHED, FAILED or KILLED

How much of it the tracker has acknowledged is the ``offset`` in `Ledger`.
"""

from __future__ import annotations

import errno
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from itertools import groupby
from pathlib import Path

from filelock import FileLock, Timeout

from mnist_np.component import JsonDict
from mnist_np.files import append, open_regular, write_atomically
from mnist_np.storage.records import parsed, read_json
from mnist_np.tracking.client import TrackingError

STATUS = {"finished": "FINISHED", "killed": "KILLED", "pruned": "KILLED", "diverged": "FAILED", "failed": "FAILED"}
"""Ours, which the tag ``status`` holds, to MLflow's."""

FILES = ("config.yaml", "source.diff", "history.csv", "weights.safetensors", "per_class.json", "result.json", "figures")
"""What MLflow gets of the run's folder when the run is over."""

KINDS = ["start", "metrics", "tags", "files", "model", "register", "end"]

MAX_BYTES = 1 << 28
"""Bytes of a journal: a hundred thousand epochs take a fifth of it."""

LONGEST_LINE = 1 << 24
"""Bytes of a record at most: what is looked at of a journal's end."""


class Journal:
    """An append-only file of records. A last line that a crash left unfinished is cut off by `repair`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.jsonl"
        self._unwritten = ""

    def append(self, kind: str, **content: object) -> None:
        """Add a record of now. It is with the operating system on return, and so survives this process.

        Raises OSError naming the file where the disk is full; the record is then written with the next one.
        """
        line = json.dumps({"kind": kind, "time": int(time.time() * 1000)} | content, allow_nan=False)
        self._unwritten += line + "\n"
        append(self.path, self._unwritten)
        self._unwritten = ""

    def repair(self) -> None:
        """Cut off a half-written last line."""
        if self.size:
            with open(open_regular(self.path, writable=True), "r+b") as file:
                start = max(0, self.size - LONGEST_LINE)
                file.seek(start)
                end = file.read()
                if not end.endswith(b"\n"):
                    file.truncate(start + end.rfind(b"\n") + 1)

    def read(self, offset: int = 0) -> Iterator[tuple[JsonDict, int]]:
        """The whole records from byte ``offset`` on, each with the offset behind it. Damaged lines are passed over.

        Raises OSError for a file that is none of ours: larger than any, a link, a pipe.
        """
        if not self.size:
            return
        if self.size > MAX_BYTES:
            raise OSError(errno.EFBIG, f"holds {self.size:,} bytes, at most {MAX_BYTES:,} are allowed", str(self.path))
        with open(open_regular(self.path), "rb") as file:
            file.seek(offset)
            for line in file:
                if line.endswith(b"\n"):
                    offset += len(line)
                    record = parsed(line.decode(errors="replace"))
                    if record.get("kind") in KINDS:
                        yield record, offset

    def final_metrics(self, metrics: Mapping[str, float], **content: object) -> None:
        """Add the numbers of the whole run, as step 0, which MLflow draws as bars; those that stand there already are left out:
        a run whose disk was full at its end comes to its end again."""
        known: JsonDict = {}
        for record, _ in self.read():
            if record["kind"] == "metrics" and record.get("step") == 0 and isinstance(record.get("metrics"), dict):
                known |= record["metrics"]
        new = {key: float(value) for key, value in metrics.items() if math.isfinite(value) and known.get(key) != value}
        if new:
            self.append("metrics", step=0, metrics=new, **content)

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def together(records: Iterator[tuple[JsonDict, int]]) -> Iterator[tuple[list[JsonDict], int]]:
    """The records with the offsets behind them, metrics that follow each other in one list."""
    for is_metrics, group in groupby(records, lambda pair: pair[0]["kind"] == "metrics"):
        pairs = list(group)
        if is_metrics:
            yield [record for record, _ in pairs], pairs[-1][1]
        else:
            yield from (([record], offset) for record, offset in pairs)


@dataclass
class Ledger:
    """Where a journal goes and how far it has come there (``tracking.json``).

    ``key`` is a tag of the run that no other run has. ``asked`` is set before the tracker is asked to create the run: if the
    answer was lost, the run is looked for by its key, and not created twice. ``former_run_ids`` are those that the run had in
    stores that were lost. ``registered`` says what became of the run's registration.
    """

    uri: str
    outputs: str
    experiment: str
    key: str
    run_id: str | None = None
    experiment_id: str | None = None
    offset: int = 0
    asked: bool = False
    former_run_ids: list[str] = field(default_factory=list)
    registered: str = ""

    @classmethod
    def read(cls, folder: Path) -> Ledger | None:
        """The ledger of a run's folder; None where nothing was ever tracked.

        Where the file is broken, it is made again from the journal: the run is then looked for by its key.
        """
        content = read_json(folder / "tracking.json")
        if content.keys() <= {f.name for f in fields(cls)} and is_ledger(content):
            return cls(**content)
        starts = (record for record, _ in Journal(folder).read() if record["kind"] == "start")
        content = next(starts, {}).get("tracker", {})
        return cls(**content, asked=True) if isinstance(content, dict) and is_ledger(content) else None

    @property
    def tracker(self) -> dict[str, str]:
        """What the journal says of it: enough to make the ledger again."""
        return {key: getattr(self, key) for key in ADDRESS}

    def start_again_if_lost(self, journal: Journal) -> None:
        """Have the whole ``journal`` delivered again where it holds less than was: it was lost, or cut."""
        if self.offset > journal.size:
            self.offset = 0

    def write(self, folder: Path) -> None:
        write_atomically(folder / "tracking.json", json.dumps(asdict(self), indent=2) + "\n")


ADDRESS = ("uri", "outputs", "experiment", "key")
"""The fields of a `Ledger` that are there from the beginning."""


def registration(folder: Path, name: str) -> str:
    """What became of the registration of the run in ``folder`` as ``name``: the version, and why it is the champion or not."""
    ledger = Ledger.read(folder)
    if ledger is not None and ledger.registered:
        return ledger.registered
    if any(record["kind"] == "register" for record, _ in Journal(folder).read()):
        return "when it is delivered"
    return f"not as {name}: only a finished run with a logged model is"


def is_ledger(content: JsonDict) -> bool:
    """Whether these can be the fields of a `Ledger`."""
    texts = [content.get(key) for key in ADDRESS]
    ids = [content.get(key) for key in ("run_id", "experiment_id")]
    former = content.get("former_run_ids", [])
    return (
        all(isinstance(text, str) for text in texts)
        and all(identity is None or isinstance(identity, str) for identity in ids)
        and isinstance(former, list)
        and all(isinstance(identity, str) for identity in former)
        and type(content.get("offset", 0)) is int
        and content.get("offset", 0) >= 0
        and isinstance(content.get("asked", False), bool)
        and isinstance(content.get("registered", ""), str)
    )


def lock(folder: Path) -> FileLock:
    """The lock that a process holds while it speaks for the run in ``folder``. Raises TrackingError if another one does."""
    held = FileLock(folder / ".tracking.lock", timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise TrackingError(f"another process is still at work on the run in {folder}") from None
    return held


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `lock` for the block, and give it back at its end."""
    held = lock(folder)
    try:
        yield
    finally:
        held.release()
