"""``hydra/launcher=local``: runs side by side on this machine's cores, in workers that live as long as the sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from mnist_np.machine import cores
from mnist_np.sweep.job import record_failure
from mnist_np.sweep.pool import WorkerPool
from mnist_np.sweep.worker import Task, run_task


class LocalLauncher(Launcher):
    """Runs jobs in ``workers`` processes of one BLAS thread each; null means one for each core this process may use."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()
        self.pool: WorkerPool[Task] | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's way of telling a launcher of its jobs, which our sweepers give to `run`."""

    def start(self) -> WorkerPool[Task]:
        """Start the workers, which import in the background."""
        if self.pool is None:
            self.pool = WorkerPool(self.workers, run_task)
            self.pool.start()
        return self.pool

    def run(self, tasks: Iterator[Task], done: Callable[[Task, str], None], stopped: Callable[[], bool] = lambda: False) -> None:
        """Run the tasks, each taken when a worker is free, and call ``done(task, what its folder does not tell)`` after each."""

        def finished(task: Task, outcome: Any) -> None:
            done(task, record_failure(Path(task.folder), outcome) if isinstance(outcome, BaseException) else outcome)

        with self.start() as pool:
            pool.run(tasks, finished, stopped)
        self.pool = None

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Hydra's way of calling a launcher, by which our sweepers do not go: they have composed and checked the jobs already."""
        raise NotImplementedError("the sweepers of mnist-np call run()")
