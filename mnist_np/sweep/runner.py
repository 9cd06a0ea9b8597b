"""One start of a sweep: skip the runs that are finished, run the rest, watch and report them, with any launcher."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from rich.console import Console

from mnist_np.component import UserError
from mnist_np.fitted_table import wide_console
from mnist_np.invocation import command
from mnist_np.storage.run_index import FINAL, UNPRUNED, RunIndex, is_final
from mnist_np.sweep.best_figures import draw_best
from mnist_np.sweep.children import Child
from mnist_np.sweep.ending import SweepFailed, failure_of, print_report
from mnist_np.sweep.folder import SweepFolder
from mnist_np.sweep.job import interruption, stop_file
from mnist_np.sweep.members import Members
from mnist_np.sweep.monitor import Monitor
from mnist_np.sweep.next_steps import going_on, next_steps, with_more_seeds
from mnist_np.sweep.plan import Job, SweepIdentity
from mnist_np.sweep.publish import publish, write_summary
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.study import pruning_metric
from mnist_np.sweep.values import title
from mnist_np.training.interrupt import Interrupt
from mnist_np.training.metric_names import further

if TYPE_CHECKING:
    from mnist_np.tracking.sweep import SweepParent

SEARCH = "search"
"""Among what is fixed: the values are those of a search."""

UPDATE_EVERY = 10.0
"""Seconds between two updates of the parent run in MLflow."""


@dataclass(frozen=True, eq=False)
class Ready:
    """A job that can start.

    Attributes:
        number: counts the jobs of this start from 0.
        job: what the job is.
        config: what the overrides compose to.
        folder: where its run writes.
    """

    number: int
    job: Job
    config: RunConfig
    folder: Path


@dataclass
class SweepRunner:
    """One start of a sweep. Use as a context: it makes the store ready and opens the parent run, and closes both.

    Give each job to `ready`, and what it returns to a launcher, which takes them from `launching` and tells `end` of each.
    """

    config: RunConfig
    varied: Sequence[str]
    fixed: Sequence[str]
    planned: int | None
    console: Console = field(default_factory=wide_console)
    argv: Sequence[str] = field(default_factory=lambda: sys.argv[1:])

    def __post_init__(self) -> None:
        identity = SweepIdentity.of(self.varied, self.fixed, self.config.sweep.name)
        self.id, self.name = identity.id, identity.name
        self.folder = SweepFolder(Path(self.config.outputs), identity.folder, self.id)
        self.members = Members(self.folder)
        self.start = uuid.uuid4().hex[:8]
        self.stop = stop_file(self.folder.path, self.start)
        self.skipped = self.numbered = 0
        self.parent: SweepParent | None = None
        self._updated = 0.0
        self.problem = ""
        self.interrupt = Interrupt()

    @property
    def line(self) -> str:
        """The command line that makes this sweep and goes on with it; nothing where it was made from Python."""
        return command("train", *going_on(self.argv)) if self.argv else ""

    @property
    def tracked(self) -> bool:
        return self.config.tracking.backend != "off"

    @property
    def columns(self) -> list[str]:
        """Metrics that this sweep ranks by and that a run may lack."""
        return further(self.config.training, self.config.sweep.objectives)

    def __enter__(self) -> SweepRunner:
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.folder.path / ".sweep.lock", timeout=0)
        try:
            self.lock.acquire()
        except Timeout:
            raise UserError(f"another process is at work on this sweep: {self.folder.path}") from None
        if self.tracked:
            from mnist_np.tracking.sweep import SweepParent

            outputs = Path(self.config.outputs)
            fixed, varied, folder, line = self.fixed, self.varied, self.folder.path, self.line
            self.parent = SweepParent.open(self.config.tracking, outputs, self.id, self.name, fixed, varied, folder, line)
        for old in self.folder.path.glob("STOP*"):
            old.unlink()
        self.folder.begin()
        write_summary(self.report(), self.folder.path, {"this sweep": self.line})
        self.index = RunIndex(Path(self.config.outputs))
        self.monitor = Monitor(self.report, self.update_parent, self.planned, self.console)
        self.interrupt.__enter__()
        self.monitor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.interrupt.__exit__(kind, error, trace)
        self.monitor.stop()
        report, outputs = self.report(last=True), Path(self.config.outputs)
        interrupted = self.stopped() or error is not None
        status = "KILLED" if interrupted else "FAILED" if report.unfinished else "FINISHED"
        more = "" if status != "FINISHED" else self.with_more_seeds(report)
        commands = {"this sweep": self.line, "more seeds": more}
        try:
            publish(report, self.folder.path, commands)
        except OSError as unwritten:
            self.problem = f"{unwritten.filename}: {unwritten.strerror}"
        if not interrupted:
            draw_best(report, self.config, self.console, self.parent.store if self.parent else None)
        if self.parent:
            self.parent.finish(report, status)
        self.lock.release()
        print_report(report, self.folder.path, self.console)
        for line in next_steps(report, outputs, more):
            self.console.print(line, soft_wrap=True, markup=False, highlight=False)
        if self.parent:
            for line in self.parent.where_to_look(report):
                self.console.print(line, soft_wrap=True, markup=False)
        if error is None:
            self.raise_for(report)

    def include(self, job: Job) -> bool:
        """Count a job of an earlier start as one of this start's if its run is over; gives whether it is."""
        folder = self.finished(job)
        if folder is None or job.fingerprint in self.members:
            return folder is not None
        self.members.take(job, folder)
        self.skipped += self.child(job).status == "finished"
        return True

    def ready(self, job: Job, config: RunConfig) -> Ready | None:
        """The job, ready to start, or None when it need not: a run with its fingerprint is over, or this start has it already."""
        if job.fingerprint in self.members or (self.config.sweep.skip_finished and self.include(job)):
            return None
        folder = self.index.within(job.fingerprint, self.folder.path, self.tracked) or self.folder.place(job)
        if is_final(folder, self.tracked):
            self.folder.archive(folder)
        folder = self.members.queue(job, folder)
        (folder / "result.json").unlink(missing_ok=True)  # it is a cut-off or failed run's: that one goes on now
        parent = self.parent.run_id if self.parent else None
        name = title(job.varied)
        known = {"id": self.id, "parent": parent, "child": name, "start": self.start, "fingerprint": job.fingerprint}
        for key, value in known.items():
            setattr(config.sweep, key, value)
        self.numbered += 1
        return Ready(self.numbered - 1, job, config, folder)

    def finished(self, job: Job) -> Path | None:
        """The folder of a run with the job's fingerprint that is over: this sweep's own, or one anywhere under ``outputs``.

        A run that was pruned is over as long as runs are pruned. One that did not measure what this sweep ranks by is made anew.
        """
        statuses = FINAL if pruning_metric(self.config.sweep) else UNPRUNED
        return self.index.over(job.fingerprint, self.folder.path, self.tracked, self.columns, statuses)

    def launching(self, jobs: Iterable[Ready]) -> Iterator[Ready]:
        """The jobs as a launcher takes them: from then on each is watched."""
        for ready in jobs:
            self.members.launch(ready.job)
            yield ready

    def end(self, ready: Ready, problem: str = "") -> None:
        """The job is not running any more. ``problem`` is what could not be written into its folder.

        Where the sweep was stopped it may never have begun, so that no result is no failure.
        """
        if problem or not self.stopped():
            self.members.end(ready.job, problem)

    def say(self, line: str) -> None:
        """Print a line as it is, above the live table."""
        self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def child(self, job: Job) -> Child:
        """The run of a job of this start, as it is now."""
        return self.members.child(job.fingerprint)

    def stopped(self) -> bool:
        """Whether no more jobs shall start: a stop was requested, or a job failed and ``sweep.on_error`` is stop."""
        return self.interrupt() is not None or self.stop.exists()

    def report(self, last: bool = False) -> SweepReport:
        """The sweep as it stands. ``last``: no job is running any more."""
        sweep, children = self.config.sweep, self.members.children(last)
        outdated = self.members.outdated() if last else []
        return SweepReport(self.name, children, sweep.metric, sweep.maximize, self.skipped, sweep.further, len(outdated))

    def update_parent(self, report: SweepReport) -> None:
        """Keep the parent run up to date, but not at every tick; and not while finished runs are still looked for, since those
        that are not found yet would count as outdated until the end."""
        if self.parent and self.members.is_complete and monotonic() - self._updated > UPDATE_EVERY:
            self._updated = monotonic()
            self.parent.update(report)

    def with_more_seeds(self, report: SweepReport) -> str:
        """The command that repeats the sweep with more seeds; of a search, its best configuration."""
        sweep, seed = self.config.sweep, self.config.seed
        if SEARCH not in self.fixed:
            return with_more_seeds(report, self.argv, sweep, seed) if self.argv else ""
        files = any(text.startswith("sweep=") for text in self.fixed)  # its other settings would search again
        fixed = [text for text in self.fixed if text != SEARCH and not text.startswith("sweep.search.")]
        best = [f"{k}={v}" for c in report.configurations[:1] for k, v in c.children[0].configuration.items()]
        return "" if files else with_more_seeds(report, ["-m", *fixed, *best], sweep, seed)

    def raise_for(self, report: SweepReport) -> None:
        """Exit codes: 130 when interrupted, 1 when a job failed or did not come to its end."""
        if reason := self.interrupt():
            raise SweepFailed(f"the sweep was {interruption(reason, self.config.sweep.skip_finished)}", 130)
        if self.stop.exists():
            text = self.stop.read_text()
            raise SweepFailed(text, 130 if text.startswith("interrupted") else 1)
        if failures := [text for text in (self.problem, failure_of(report)) if text]:
            raise SweepFailed("; ".join(failures), 1)
