"""Conducting a sweep: skip what is done, run the rest, watch it, and tell its story, whoever chooses and launches the jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

from mnist_np.fingerprint import identify
from mnist_np.storage.teacher import teacher_sha256
from mnist_np.sweep.children import Child
from mnist_np.sweep.monitor import Monitor
from mnist_np.sweep.plan import FINAL, Job, SweepFolder, read_child, sweep_id
from mnist_np.sweep.publish import publish
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.run_config import RunConfig
from mnist_np.training.interrupt import Interrupt

if TYPE_CHECKING:
    from mnist_np.tracking.sweep import SweepParent

WITHOUT_EFFECT = ("sweep.", "outputs=", "tracking", "training.resume=")
"""Fixed overrides that leave a sweep what it is."""

UPDATE_EVERY = 10.0
"""Seconds between two updates of the parent run in MLflow."""


class Launch(Protocol):
    """Runs jobs (overrides with their config), each taken when there is room for it, and calls ``done`` after each."""

    def __call__(self, jobs: Iterable[Ready], done: Callable[[Ready], None]) -> None: ...


@dataclass(frozen=True)
class Ready:
    """A job that can start: what it is, the overrides that make it, the config they compose to, and its folder."""

    job: Job
    overrides: Sequence[str]
    config: RunConfig
    folder: Path


class SweepFailed(Exception):  # noqa: N818 (what became of the sweep, told to the shell)
    """Some jobs of the sweep failed, or it was interrupted; all has been reported already. ``code`` is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class SweepRunner:
    """One start of a sweep. Use as a context: it makes the store ready and opens the parent run, and closes both."""

    config: RunConfig
    varied: Sequence[str]
    fixed: Sequence[str]
    planned: int | None
    console: Console = field(default_factory=Console)

    def __post_init__(self) -> None:
        sweep = self.config.sweep
        what_varies = [key.rsplit(".", 1)[-1] for key in self.varied]
        self.name = sweep.name or " x ".join(what_varies) or "sweep"
        identity = [text for text in self.fixed if not text.startswith(WITHOUT_EFFECT)]
        self.id = sweep_id(list(self.varied), [*identity, f"name={sweep.name}"])
        self.folder = SweepFolder(Path(self.config.outputs), sweep.name or "-".join(what_varies) or "sweep", self.id)
        self.skipped = 0
        self.parent: SweepParent | None = None
        self._updated = 0.0
        self.interrupt = Interrupt()

    def __enter__(self) -> SweepRunner:
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.folder.stop.unlink(missing_ok=True)
        if self.config.tracking.backend != "off":
            from mnist_np.tracking.sweep import SweepParent

            outputs = Path(self.config.outputs)
            overrides = [*self.fixed, *self.varied]
            self.parent = SweepParent.open(self.config.tracking, outputs, self.id, self.name, overrides, self.folder.path)
        self.monitor = Monitor(self.folder, self.make_report, self.update_parent, self.planned, self.console)
        self.interrupt.__enter__()
        self.monitor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.interrupt.__exit__(kind, error, trace)
        self.monitor.stop()
        report = self.monitor.look()
        interrupted = self.stopped() or error is not None
        status = "KILLED" if interrupted else "FAILED" if report.counts["failed"] else "FINISHED"
        publish(report, self.folder.path)
        if self.parent:
            self.parent.finish(report, status)
        self.tell(report)
        if error is None:
            self.raise_for(report)

    def ready(self, job: Job, config: RunConfig) -> Ready | None:
        """The job, ready to start, or None when it need not run: it is done with this very fingerprint."""
        folder = self.folder.child(job)
        if (folder / "child.json").exists() and read_child(folder).status in FINAL:
            if self.config.sweep.skip_finished:
                self.skipped += 1
                return None
            self.folder.archive(job)
        self.folder.register(job)
        (folder / "result.json").unlink(missing_ok=True)  # it is a cut-off or failed run's: that one goes on now
        known = {"sweep.id": self.id, "sweep.parent": self.parent.run_id if self.parent else None, "sweep.child": job.name}
        config.sweep.id, config.sweep.parent, config.sweep.child = self.id, known["sweep.parent"], job.name
        overrides = [f"{key}={quoted(value)}" for key, value in known.items() if value]
        overrides += [f"hydra.sweep.dir={quoted(str(folder.parent))}", f"hydra.sweep.subdir={quoted(folder.name)}"]
        return Ready(job, [*job.overrides, *overrides], config, folder)

    def stopped(self) -> bool:
        """Whether no more jobs shall start: somebody asked to stop, or a job failed and ``sweep.on_error`` is stop."""
        return self.interrupt() is not None or self.folder.stop.exists()

    def make_report(self, children: list[Child]) -> SweepReport:
        sweep = self.config.sweep
        return SweepReport(self.name, children, sweep.metric, sweep.maximize, self.skipped, sweep.search.metrics)

    def update_parent(self, report: SweepReport) -> None:
        """Keep the parent run up to date, but not at every tick."""
        if self.parent and monotonic() - self._updated > UPDATE_EVERY:
            self._updated = monotonic()
            self.parent.update(report)

    def tell(self, report: SweepReport) -> None:
        """The last words on the console: the ranked table and where to look."""
        from mnist_np.sweep.tables import console_table

        self.console.print(console_table(report))
        for child in report.children:
            if child.status in ("failed", "diverged"):
                self.console.print(
                    f"  {child.status}: {child.folder.name}: {child.reason.splitlines()[0] if child.reason else ''}"
                )
        self.console.print(f"files: {self.folder.path}", soft_wrap=True)
        if self.parent:
            for line in self.parent.where_to_look(report):
                self.console.print(line, soft_wrap=True)

    def raise_for(self, report: SweepReport) -> None:
        """Exit codes: 130 when interrupted, 1 when a job failed."""
        if reason := self.interrupt():
            raise SweepFailed(f"the sweep was interrupted ({reason}); the same command goes on with it", 130)
        if self.folder.stop.exists():
            raise SweepFailed(self.folder.stop.read_text(), 130 if "interrupted" in self.folder.stop.read_text() else 1)
        if failed := report.counts["failed"]:
            raise SweepFailed(f"{failed} of {len(report.children)} runs failed", 1)


def job_of(config: RunConfig, overrides: Sequence[str], varied: dict[str, str], digests: dict[str, str]) -> Job:
    """The identity of the run that a composed config describes. Reads the data once for each way of reading it."""
    experiment = config.experiment
    key = repr(experiment.data)
    if key not in digests:
        digests[key] = experiment.load_data().sha256
    identity = identify(experiment, digests[key], teacher_sha256(experiment, Path(config.outputs)))
    return Job(overrides, varied, identity.fingerprint, identity.group)


def quoted(value: str) -> str:
    """``value`` as Hydra's override grammar takes it literally."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
