"""Worker processes that are started once, import once, and run one task after the other.

The workers descend from a fork server: a clean process that has imported everything and started no thread, so a worker (or
one that replaces a killed one) is there in milliseconds. Each has one BLAS thread. A worker that dies loses its own task
only; workers whose parent process is killed end their run by themselves.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from mnist_np.machine import room_for_sockets
from mnist_np.training.interrupt import SIGNALS, signals_blocked
from mnist_np.training.worker_process import ONE_BLAS_THREAD

Task = TypeVar("Task")


@dataclass(eq=False)
class Worker:
    """A worker process, the pipe to it, and the pipe whose end shows it that this process has ended."""

    process: BaseProcess
    pipe: Connection
    lifeline: Connection

    def end(self) -> None:
        self.pipe.close()
        self.lifeline.close()
        self.process.join()


class WorkerDied(Exception):  # noqa: N818 (an event of the task, not an error of the caller)
    """The worker that ran the task was killed: by the system for want of memory, by a person, by a crash."""


class WorkerPool(Generic[Task]):
    """``n`` workers that call ``function(task)``; function and tasks are sent to them by pickle, so both are our own."""

    def __init__(self, n: int, function: Callable[[Task], object]) -> None:
        self.n, self.function = n, function
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([function.__module__])
        self._idle: list[Worker] = []
        self._busy: dict[Worker, Task] = {}
        atexit.register(self.close)  # multiprocessing waits for workers that were not told to end

    def start(self) -> None:
        """Start the workers; they import in the background while the caller goes on."""
        self._idle += [self._new_worker() for _ in range(self.n - len(self._idle))]

    @property
    def slots(self) -> int:
        """As many tasks as workers."""
        return self.n

    def submit(self, task: Task) -> None:
        """Send the task to an idle worker. One that was killed meanwhile is replaced."""
        worker = self._idle.pop() if self._idle else self._new_worker()
        try:
            worker.pipe.send(task)
        except OSError:
            worker.end()
            worker = self._new_worker()
            worker.pipe.send(task)
        self._busy[worker] = task

    def wait(self) -> list[tuple[Task, object]]:
        """The outcome is what the function returned or the exception it raised: `WorkerDied` when its process ended."""
        ready = wait([worker.pipe for worker in self._busy], timeout=0.2)
        return [(self._busy.pop(worker), self._receive(worker)) for worker in list(self._busy) if worker.pipe in ready]

    def cancel(self) -> None:
        """Send SIGTERM to the busy workers: one that comes while a worker is between two tasks is ignored."""
        for worker in self._busy:
            assert worker.process.pid is not None
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid, signal.SIGTERM)

    def _receive(self, worker: Worker) -> object:
        try:
            outcome: object = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.end()
            code = worker.process.exitcode
            self._idle.append(self._new_worker())
            return WorkerDied(f"its worker process died ({describe_exit(code)})")
        self._idle.append(worker)
        return outcome

    def _new_worker(self) -> Worker:
        ours, theirs = self._context.Pipe()
        reader, lifeline = self._context.Pipe(duplex=False)
        process = self._context.Process(target=work, args=(self.function, theirs, reader), daemon=False)
        resource_tracker.ensure_running()  # which unblocks signals, so it must not be what the fork server starts first
        with one_blas_thread(), room_for_sockets(), signals_blocked():
            process.start()
        theirs.close()
        reader.close()
        return Worker(process, ours, lifeline)

    def close(self) -> None:
        """End the workers: idle ones at once, busy ones (there are some only after an error here) when their run has ended."""
        for worker in [*self._idle, *self._busy]:
            worker.end()
        self._idle.clear()
        self._busy.clear()


def work(function: Callable[[Task], object], pipe: Connection, lifeline: Connection) -> None:
    """A worker's life: receive a task, send what came of it, until the pipe is closed.

    Stops are for the launching process, which tells us; those that come to all processes are ignored between runs, and a run
    has handlers of its own. Until then they are blocked: a worker is started so.
    """
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_follow_parent, args=(lifeline,), daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            outcome: object = function(task)
        except Exception as error:
            outcome = error
        try:
            pipe.send(outcome)
        except OSError:
            return


def _follow_parent(lifeline: Connection) -> None:
    """Wait until the launching process is gone, then ask the running task to end tidily."""
    lifeline.poll(None)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Processes started meanwhile have one BLAS thread each: so many runs side by side make the best use of the cores."""
    before = {name: os.environ.get(name) for name in ONE_BLAS_THREAD}
    os.environ.update(ONE_BLAS_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def describe_exit(code: int | None) -> str:
    """``-9`` is ``signal SIGKILL``: Python's exit code of a process in words."""
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
