"""The events of a training: the loop emits them, observers receive them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_np.component import OUTSIDE, UserError
from mnist_np.data.dataset import Dataset
from mnist_np.nn.network import Network
from mnist_np.training.mode import Mode

if TYPE_CHECKING:
    from mnist_np.experiment import Experiment
    from mnist_np.training.diagnostics_record import DiagnosticsRecord
    from mnist_np.training.progress import Progress
    from mnist_np.training.result import Result

log = logging.getLogger(__name__)


class StopTraining(Exception):  # noqa: N818 (a request, not an error)
    """Raised by an observer to end the training early. ``status`` becomes the run's (``pruned``, ...)."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class RunStart:
    """Before the first step. ``diagnostics`` grows while the network is trained; ``mode`` is how it is computed."""

    experiment: Experiment
    data: Dataset
    network: Network
    progress: Progress
    steps: int
    steps_per_epoch: int
    diagnostics: DiagnosticsRecord | None = None
    mode: Mode = Mode()


@dataclass(frozen=True)
class StepEnd:
    """After the gradients of a step were computed and the parameters updated."""

    step: int
    loss: float
    lr: float
    network: Network
    batch_length: int


@dataclass(frozen=True)
class EpochEnd:
    """After an epoch was trained and validated. ``metrics`` are what is logged, ``epoch`` counts from 1."""

    epoch: int
    metrics: dict[str, float]
    network: Network
    progress: Progress


class Observer:
    """Receives the events of a run. Every method is optional; none may change the training, except by raising StopTraining."""

    observes_steps = False
    """Whether `on_step` is wanted: steps are many, and silence costs nothing."""

    def wants_step(self, step: int) -> bool:
        """Whether this observer needs the event of this step (from 1)."""
        return True

    run_folder = Path()
    """The run's folder, where there is one: of the observers of plugins."""

    required = False
    """Whether a failure of this observer before the first step must stop the run."""

    def on_start(self, event: RunStart) -> None: ...

    def on_step(self, event: StepEnd) -> None: ...

    def on_epoch(self, event: EpochEnd) -> None: ...

    def on_stop(self, progress: Progress) -> None:
        """After the last step, whatever ended the training, and before the kept weights take the place of the last ones."""

    def on_end(self, result: Result) -> None: ...

    def on_failure(self, error: BaseException) -> None:
        """Instead of `on_end`, when the run raises an unexpected exception."""


class Observers:
    """All observers of a run, called one after the other. If one fails, that is reported, and the training goes on.

    ``failures`` are what was reported, so that the run does not end as if nothing had been lost.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self.observers = list(observers)
        self.failures: list[str] = []
        self._causes: set[tuple[object, ...]] = set()
        self.of_steps = [observer for observer in self.observers if observer.observes_steps]

    def start(self, event: RunStart) -> None:
        self._tell(self.observers, "on_start", event)

    def want_step(self, step: int) -> bool:
        """Whether any observer needs this step's event."""
        return any(observer.wants_step(step) for observer in self.of_steps)

    def step(self, event: StepEnd) -> None:
        self._tell([observer for observer in self.of_steps if observer.wants_step(event.step)], "on_step", event)

    def epoch(self, event: EpochEnd) -> None:
        self._tell(self.observers, "on_epoch", event)

    def stop(self, progress: Progress) -> None:
        self._tell(self.observers, "on_stop", progress)

    def end(self, result: Result) -> None:
        self._tell(self.observers, "on_end", result)

    def failed(self, error: BaseException) -> None:
        self._tell(self.observers, "on_failure", error)

    def _tell(self, observers: list[Observer], method: str, event: object) -> None:
        for observer in observers:
            try:
                getattr(observer, method)(event)
            except StopTraining:
                raise
            except Exception as error:
                if observer.required and method == "on_start":
                    raise
                self._report(observer, method, error)

    def _report(self, observer: Observer, method: str, error: Exception) -> None:
        """Say it once for each cause, however many epochs it lasts; with a traceback unless the cause lies outside the code (a
        full disk, a lost server, too little memory)."""
        cause = (type(observer), method, type(error), getattr(error, "errno", None))
        if cause in self._causes:
            return
        self._causes.add(cause)
        self.failures.append(f"{type(observer).__name__}.{method} failed: {str(error) or type(error).__name__}")
        goes_on = "" if method in ("on_end", "on_failure") else " (training goes on)"
        outside = isinstance(error, (*OUTSIDE, UserError))
        log.error("%s%s", self.failures[-1], goes_on, exc_info=None if outside else error)
