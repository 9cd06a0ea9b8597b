"""Runs on a Ray cluster, by Ray's own tasks: one begins when a core of the cluster is free."""

from __future__ import annotations

import logging
import os
import signal
import socket
from types import ModuleType

from mnist_np.component import ConfigError
from mnist_np.sweep.executor import Lost
from mnist_np.sweep.worker import Task, run_elsewhere, with_whole_paths

TIMEOUT = 5.0
"""Seconds in which the cluster's address must answer: Ray itself waits without an end, and lets no signal through."""

POLL = 0.2
"""Seconds that `RayExecutor.wait` waits for a task."""


class RayExecutor:
    """Makes tasks on the cluster at ``address`` that this machine is a node of.

    Args:
        address: ``HOST:PORT`` of the cluster, or ``auto``: RAY_ADDRESS, or the one that runs here.
        workers: tasks at a time; None is as many as the cluster has cores, also when nodes come or go.
        num_cpus: cores for each task.

    Raises:
        ConfigError: there is no such cluster.
    """

    def __init__(self, address: str, workers: int | None, num_cpus: int) -> None:
        self.workers, self.num_cpus = workers, num_cpus
        self.ray = connect(address)
        self.function = self.ray.remote(num_cpus=num_cpus, max_retries=0)(run_elsewhere)
        self.tasks: dict[object, Task] = {}
        self.cancelled: set[object] = set()

    @property
    def slots(self) -> int:
        return self.workers or max(1, int(self.ray.cluster_resources().get("CPU", 0)) // self.num_cpus)

    def submit(self, task: Task) -> None:
        self.tasks[self.function.remote(with_whole_paths(task), os.getcwd(), self.num_cpus)] = task

    def wait(self) -> list[tuple[Task, object]]:
        ended, _ = self.ray.wait(list(self.tasks), num_returns=1, timeout=POLL)
        return [(self.tasks.pop(ref), self.outcome(ref)) for ref in ended]

    def outcome(self, ref: object) -> object:
        """What a task that has ended returned or raised. One that was cancelled before it began tells nothing."""
        lost = self.ray.exceptions
        try:
            return self.ray.get(ref)
        except lost.TaskCancelledError:
            return ""
        except (lost.NodeDiedError, lost.WorkerCrashedError, lost.OutOfMemoryError, lost.LocalRayletDiedError) as error:
            return Lost(str(error).partition(". ")[0])
        except lost.RayTaskError as error:
            return error.cause if isinstance(error.cause, Exception) else error
        except lost.RayError as error:
            return error

    def cancel(self) -> None:
        """A running task gets one SIGINT, which a run takes up after its step: a second one would cut it short."""
        for ref in self.tasks.keys() - self.cancelled:
            self.cancelled.add(ref)
            self.ray.cancel(ref)

    def close(self) -> None:
        self.ray.shutdown()


def connect(address: str) -> ModuleType:
    """The package ray, connected to a cluster. Raises ConfigError."""
    import ray

    # Ray has no setting for what it prints of a lost node, 20 lines of its log, so its private function is replaced.
    from ray._private import worker

    worker.print_to_stdstream = lambda data, **_: print(f"ray: {data['lines'][0].partition('. ')[0]}")
    address = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, _, port = address.rpartition(":")
    if address != "auto":
        try:
            socket.create_connection((host, int(port)), TIMEOUT).close()
        except (OSError, ValueError) as error:
            raise refusal(address, f"no answer ({error})") from None
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise refusal(address, str(error).partition("\n")[0]) from None
    finally:
        signal.signal(signal.SIGTERM, before)  # Ray's own ends the process in the middle of a step
    return ray


def refusal(address: str, reason: str) -> ConfigError:
    """Why there is no cluster, and how one is started."""
    start = "must be HOST:PORT of a Ray cluster that this machine is a node of, or auto (ray start --head starts one)"
    return ConfigError("hydra.launcher.address", address, f"{reason}; {start}")
