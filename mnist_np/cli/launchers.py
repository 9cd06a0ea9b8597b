"""``hydra/launcher=local``, ``ray``, ``slurm``, ``slurm_local``: where the runs of a sweep are made, as Hydra's plugins."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from hydra.core.utils import JobReturn, configure_log
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from mnist_np.component import ConfigError
from mnist_np.extras import install_command
from mnist_np.machine import cores
from mnist_np.sweep.executor import Executor, InProcess
from mnist_np.sweep.pool import WorkerPool
from mnist_np.sweep.worker import Task, run_task


class OurLauncher(Launcher):
    """A launcher whose jobs our sweepers have composed and checked already: it only says where they run."""

    needs: ClassVar[tuple[str, str] | None] = None
    """The package that must be installed, and the extra that installs it."""

    workers: int | None
    """Runs at a time; None where only the started executor knows."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra. Raises ConfigError where a package is missing."""
        if self.needs and find_spec(self.needs[0]) is None:
            chosen = config.hydra.runtime.choices["hydra/launcher"]
            raise ConfigError("hydra/launcher", chosen, f"needs another package: {install_command(self.needs[1])}")

    def start(self) -> Executor[Task]:
        """Make ready to run jobs. Raises ConfigError where that is not possible."""
        raise NotImplementedError

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Hydra's way of calling a launcher, by which our sweepers do not go."""
        raise NotImplementedError("the sweepers of mnist-np call start()")


class LocalLauncher(OurLauncher):
    """Runs jobs in ``workers`` processes of one BLAS thread each; null means one for each core this process may use."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers: int = workers or cores()

    def start(self) -> Executor[Task]:
        """Start the workers, which import in the background."""
        pool = WorkerPool(self.workers, run_task)
        pool.start()
        return pool


class RayLauncher(OurLauncher):
    """Runs jobs on a Ray cluster that this machine is a node of (see `RayExecutor`)."""

    needs = ("ray", "ray")

    def __init__(self, address: str = "auto", workers: int | None = None, num_cpus: int = 1) -> None:
        self.address, self.workers, self.num_cpus = address, workers, num_cpus

    def start(self) -> Executor[Task]:
        from mnist_np.sweep.ray_executor import RayExecutor

        return RayExecutor(self.address, self.workers, self.num_cpus)


class SlurmLauncher(OurLauncher):
    """Runs each job as a Slurm job, by submitit (see `SlurmExecutor`)."""

    needs = ("submitit", "slurm")

    def __init__(self, cluster: str, workers: int, submitit_folder: str, cpus_per_task: int, **parameters: object) -> None:
        self.cluster, self.workers, self.folder, self.cpus = cluster, workers, submitit_folder, cpus_per_task
        given: Any = OmegaConf.to_container(OmegaConf.create({"cpus_per_task": cpus_per_task, **parameters}))
        of_all = ("cpus_per_task", "mem_gb", "timeout_min")  # the others are Slurm's own
        self.parameters = {name if name in of_all else f"slurm_{name}": value for name, value in given.items() if value}

    def start(self) -> Executor[Task]:
        from mnist_np.sweep.slurm_executor import SlurmExecutor

        return SlurmExecutor(self.cluster, self.workers or 1, self.folder, self.cpus, self.parameters)


LAUNCHERS = (LocalLauncher, RayLauncher, SlurmLauncher)


def executor_of(launcher: Launcher, hydra: DictConfig) -> Executor[Task]:
    """What makes the runs: that of one of our launchers; with Hydra's default, this process, which composes no job again."""
    if isinstance(launcher, OurLauncher):
        return launcher.start()

    def run(task: Task) -> str:
        problem = run_task(task)
        configure_log(hydra.hydra_logging, hydra.verbose)  # the run's log is closed
        return problem

    return InProcess(run)
