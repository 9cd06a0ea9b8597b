"""Ending a search's run early, when its epochs are worse than those of the runs before it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mnist_np.sweep.settings import Sweep
from mnist_np.sweep.study import load_study, trial_of
from mnist_np.sweep.study_storage import StudyStorage, is_loss, reason
from mnist_np.training.events import EpochEnd, Observer, RunStart, StopTraining

if TYPE_CHECKING:
    import optuna


log = logging.getLogger(__name__)


class Pruning(Observer):
    """Reports each epoch's ``metric`` to the study and ends the run when the pruner says so.

    Where the study cannot be reached the run goes on unpruned, and fails nothing: the search reads its epochs when it is over.
    """

    def __init__(self, storage: StudyStorage, sweep: Sweep, metric: str) -> None:
        self.storage, self.sweep, self.search, self.metric = storage, sweep, sweep.search, metric
        self.trial: optuna.Trial | None = None
        self.warned = False

    def on_start(self, event: RunStart) -> None:
        from mnist_np.sweep.samplers import make_pruner

        assert self.sweep.study is not None
        assert self.sweep.trial is not None
        with self.tolerant():
            self.study = load_study(self.storage, self.sweep.study, self.sweep.start)
            self.study.pruner = make_pruner(self.search)
            self.reported = self.study.get_trials(deepcopy=False)[self.sweep.trial].intermediate_values.keys()
            self.trial = trial_of(self.study, self.sweep.trial)

    def on_epoch(self, event: EpochEnd) -> None:
        value = event.metrics.get(self.metric)
        if value is None or self.trial is None:
            return
        with self.tolerant():
            if event.epoch not in self.reported:  # by the run before it was cut off
                self.trial.report(value, event.epoch)
            if event.epoch <= self.search.warmup_epochs:
                return
            if self.trial.should_prune() and self.enough():  # the pruner takes note of each run, pruned or not
                why = f"{self.metric} {value:.4f} after epoch {event.epoch} was worse than that of earlier runs"
                raise StopTraining("pruned", f"{why} ({self.search.pruner})")

    @contextmanager
    def tolerant(self) -> Iterator[None]:
        """Where the study cannot be reached, say so once."""
        try:
            yield
        except Exception as error:
            if not is_loss(error):
                raise
            if not self.warned:
                log.warning("the study cannot be reached, so the run may not be pruned (%s)", reason(error))
            self.warned = True

    def enough(self) -> bool:
        """Whether the number of runs that are not pruned is complete."""
        from optuna.trial import TrialState

        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return len(complete) >= self.search.startup_trials
