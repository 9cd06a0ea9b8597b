"""The jobs of one start of a sweep and the state of each, by fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mnist_np.storage.run_index import FINAL
from mnist_np.sweep.children import ENDED, Child, read_child, settled
from mnist_np.sweep.folder import SweepFolder
from mnist_np.sweep.plan import Job

NO_RESULT = "it ended without leaving a result"


class Members:
    """What this start knows of its jobs. Only those that were launched are looked at; one that is over is read once."""

    def __init__(self, folder: SweepFolder) -> None:
        self.folder = folder
        self.folders: dict[str, Path] = {}
        self._jobs: dict[str, Job] = {}
        self._launched: set[str] = set()
        self._ended: dict[str, str] = {}
        self._over: dict[str, Child] = {}

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def take(self, job: Job, folder: Path) -> None:
        """Count the run in ``folder``, which is over, as the job's."""
        self._add(job, self.folder.register(job, folder))
        self._ended[job.fingerprint] = ""

    def queue(self, job: Job, folder: Path | None = None) -> Path:
        """The job is to run, in ``folder`` or a new one."""
        path = self.folder.register(job, folder)
        self._add(job, path)
        return path

    def launch(self, job: Job) -> None:
        """The job may run from now on."""
        self._launched.add(job.fingerprint)

    @property
    def is_complete(self) -> bool:
        """Whether all that this start asks for is known: jobs are launched after that, but for a search's."""
        return bool(self._launched)

    def end(self, job: Job, problem: str = "") -> None:
        """The job is not running any more. ``problem`` is what its folder does not tell."""
        self._ended[job.fingerprint] = problem

    def _add(self, job: Job, folder: Path) -> None:
        self.folders[job.fingerprint] = folder
        self._jobs[job.fingerprint] = job

    def child(self, fingerprint: str, last: bool = False) -> Child:
        """The run of a job. ``last``: no job is running any more, so one that is called running was killed."""
        if over := self._over.get(fingerprint):
            return over
        job, folder = self._jobs[fingerprint], self.folders[fingerprint]
        linked = folder.parent != self.folder.path
        if not (last or fingerprint in self._launched or fingerprint in self._ended):
            return Child(dict(job.varied), folder, job.group, fingerprint=fingerprint, linked=linked)
        child = read_child(folder, job.varied, job.group, fingerprint, linked)
        if fingerprint in self._ended:
            problem = self._ended[fingerprint]
            if child.status in FINAL:
                child = replace(child, problem=problem)
            elif problem or child.status not in ENDED:
                child = replace(child, status="failed", reason=problem or NO_RESULT)
            self._over[fingerprint] = child
        return settled(child) if last else child

    def children(self, last: bool = False) -> list[Child]:
        """The runs of all jobs, in the order in which they were asked for."""
        return [self.child(fingerprint, last) for fingerprint in list(self._jobs)]

    def outdated(self) -> list[Path]:
        """The runs that this sweep trained but this start does not ask for."""
        asked = set(self.folders.values())
        return [folder for folder in self.folder.runs() if folder not in asked]
