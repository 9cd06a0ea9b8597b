"""Runs as Slurm jobs, one each, by submitit; its local executor does the same with processes of this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from mnist_np.component import ConfigError
from mnist_np.sweep.executor import Lost
from mnist_np.sweep.worker import Task, run_elsewhere, with_whole_paths

if TYPE_CHECKING:
    from submitit import Job

POLL = 0.2
"""Seconds between two looks for results, which are files."""

ASK_EVERY = 5.0
"""Seconds between two questions to Slurm after a stop, when jobs may end that leave no file."""


class SlurmExecutor:
    """Submits tasks as jobs.

    Args:
        cluster: ``slurm`` or ``local``.
        workers: jobs at a time, waiting ones included.
        folder: for scripts and logs of the jobs; ``%j`` is a job's number.
        cpus: cores for each job.
        parameters: of submitit's ``AutoExecutor.update_parameters``.

    Raises:
        ConfigError: there is no Slurm here, or it knows no such parameter.
    """

    def __init__(self, cluster: str, workers: int, folder: str, cpus: int, parameters: Mapping[str, object]) -> None:
        import submitit

        self.slots, self.cpus, self.local = workers, cpus, cluster == "local"
        self.errors = submitit.core.utils
        try:
            self.executor = submitit.AutoExecutor(os.path.abspath(folder), cluster=cluster)
            self.executor.update_parameters(**parameters)
        except (AssertionError, RuntimeError, NameError, ValueError, TypeError) as error:
            name = "slurm_local" if self.local else "slurm"
            raise ConfigError("hydra/launcher", name, " ".join(str(error).split())) from None
        self.jobs: dict[Job[object], Task] = {}
        self.cancelled: set[Job[object]] = set()
        self._asked = 0.0

    def submit(self, task: Task) -> None:
        with self.ignoring_interrupts():
            self.jobs[self.executor.submit(run_job, with_whole_paths(task), os.getcwd(), self.cpus)] = task

    @contextmanager
    def ignoring_interrupts(self) -> Iterator[None]:
        """submitit's local processes, which a terminal's Ctrl-C reaches too, ignore it, and leave it to us and to the runs."""
        before = signal.getsignal(signal.SIGINT)
        if self.local:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def wait(self) -> list[tuple[Task, object]]:
        ask = bool(self.cancelled) and monotonic() - self._asked > ASK_EVERY
        if ask:
            self._asked = monotonic()
        ended = [job for job in self.jobs if job.done(force_check=ask)]
        if not ended:
            sleep(POLL)
        return [(self.jobs.pop(job), self.outcome(job)) for job in ended]

    def outcome(self, job: Job[object]) -> object:
        """What a job that is over returned or raised. One that was cancelled before it began tells nothing."""
        if job in self.cancelled and not job.paths.result_pickle.exists():
            return ""
        try:
            return job.result()
        except self.errors.FailedJobError as error:
            failure = RuntimeError(str(error).rpartition("\n-----")[0].strip().rpartition("\n")[2])
            failure.__cause__ = error  # what the task raised, which submitit gives as a text
            return failure
        except self.errors.UncompletedJobError as error:
            return Lost(f"job {job.job_id}, {job.state}: {str(error).partition(chr(10))[0]}")
        except Exception as error:
            return error

    def cancel(self) -> None:
        for job in self.jobs.keys() - self.cancelled:
            self.cancelled.add(job)
            if self.local:  # submitit would send SIGINT, and SIGKILL a second later
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)
            else:
                job.cancel(check=False)

    def close(self) -> None:
        """Jobs that are still there, after an error here, go on and leave their results in their folders.

        submitit's jobs must not outlive its modules, or each of them ends in a traceback when this process does.
        """
        self.jobs.clear()
        self.cancelled.clear()


def run_job(task: Task, folder: str, cpus: int) -> str:
    """Make the task; the signal that Slurm sends before the time limit ends it tidily, to be taken up by another job."""
    signal.signal(signal.SIGUSR2, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))
    return run_elsewhere(task, folder, cpus)
