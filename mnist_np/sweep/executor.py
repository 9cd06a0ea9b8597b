"""Executors run the jobs of a sweep: what local workers, Ray and Slurm have in common, and the loop that submits jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Protocol, TypeVar

from mnist_np.serialize import to_dict
from mnist_np.storage.records import read_json
from mnist_np.sweep.job import record_failure, record_interruption
from mnist_np.sweep.runner import Ready, SweepRunner
from mnist_np.sweep.worker import Task, own_modules

T = TypeVar("T")

TRIES = 3
"""How often a run is begun whose machine goes away, before it counts as failed."""

NOTHING_CAME_BACK = "the launcher has ended, but the run left no result: does the machine that it ran on see this outputs folder?"


class Lost(Exception):  # noqa: N818 (an event of the task, not an error of the caller)
    """The machine that ran a task was lost, or ended it. The task may be tried elsewhere."""


class Executor(Protocol[T]):
    """Runs tasks, several at a time."""

    @property
    def slots(self) -> int:
        """How many tasks it can have at present."""

    def submit(self, task: T) -> None:
        """Begin a task. There are fewer than ``slots`` that have not come out of `wait`."""

    def wait(self) -> list[tuple[T, object]]:
        """The tasks that have ended since the last call, each with its outcome; waits a moment for the first.

        The outcome is what the task's function returned, or the exception that it raised or that ended it (see `Lost`).
        """

    def cancel(self) -> None:
        """Ask all tasks to end soon, each of which still comes out of `wait`. May be called again and again."""

    def close(self) -> None:
        """End whatever was started."""


class InProcess:
    """Runs each task at once, in this process."""

    slots = 1

    def __init__(self, function: Callable[[Task], str]) -> None:
        self.function, self._done = function, list[tuple[Task, object]]()

    def submit(self, task: Task) -> None:
        self._done.append((task, self.function(task)))

    def wait(self) -> list[tuple[Task, object]]:
        done, self._done = self._done, []
        return done

    def cancel(self) -> None:
        """There is nothing to cancel between two tasks."""

    def close(self) -> None:
        """There is nothing to end."""


def run_all(
    executor: Executor[T],
    tasks: Iterable[T],
    done: Callable[[T, object], bool],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Make all tasks, each taken when there is room for it, and close the executor.

    Args:
        executor: makes them.
        tasks: taken from one at a time.
        done: called with each task and its outcome; True runs the task again.
        stopped: when it turns true, no more tasks are taken and the running ones are cancelled.
    """
    iterator, again, running = iter(tasks), list[T](), 0
    with closing(executor):
        while True:
            while running < executor.slots and not stopped():
                task = again.pop() if again else next(iterator, None)
                if task is None:
                    break
                executor.submit(task)
                running += 1
            if not running:
                return
            if stopped():
                executor.cancel()
            for task, outcome in executor.wait():
                running -= 1
                if done(task, outcome):
                    again.append(task)


def launch(
    runner: SweepRunner, jobs: Iterable[Ready], executor: Executor[Task], done: Callable[[Ready], None] = lambda ready: None
) -> None:
    """Make the jobs' runs and tell ``runner`` and ``done`` of each that is over. One whose machine was lost is taken up again."""
    given, tries = dict[int, Ready](), Counter[int]()

    def ended(task: Task, outcome: object) -> bool:
        ready = given[task.number]
        tries[task.number] += 1
        if isinstance(outcome, Lost):
            record_interruption(ready.folder, str(outcome))
            outcome = ""
        elif isinstance(outcome, BaseException):
            outcome = record_failure(ready.folder, outcome, runner.tracked)
        problem = str(outcome)
        if not problem and not runner.stopped():
            result = read_json(ready.folder / "result.json")
            if result.get("status") == "killed":
                problem = f"interrupted: {result.get('reason')}"
                if tries[task.number] < TRIES:
                    runner.say(f"{problem}; it goes on elsewhere: {ready.folder.name}")
                    return True
            elif not result:
                problem = record_failure(ready.folder, FileNotFoundError(NOTHING_CAME_BACK))
        runner.end(ready, problem)
        done(ready)
        return False

    def tasks() -> Iterable[Task]:
        for ready in runner.launching(jobs):
            given[ready.number] = ready
            yield Task(ready.number, to_dict(ready.config), str(ready.folder), own_modules(ready.config.experiment))

    run_all(executor, tasks(), ended, runner.stopped)
