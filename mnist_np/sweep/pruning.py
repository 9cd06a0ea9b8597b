"""Ending a search's run early, when its epochs are worse than those of the runs before it."""

from __future__ import annotations

from pathlib import Path

from mnist_np.sweep.settings import Sweep
from mnist_np.sweep.study import load_study, trial_of
from mnist_np.training.events import EpochEnd, Observer, StopTraining


class Pruning(Observer):
    """Reports each epoch's ``metric`` to the study and ends the run when the pruner says so."""

    def __init__(self, path: Path, sweep: Sweep, metric: str) -> None:
        assert sweep.study is not None
        assert sweep.trial is not None
        self.metric, self.search = metric, sweep.search
        self.study = load_study(path, sweep.study, sweep.search)
        self.trial = trial_of(self.study, sweep.trial)
        self.reported = self.study.get_trials(deepcopy=False)[sweep.trial].intermediate_values.keys()

    def on_epoch(self, event: EpochEnd) -> None:
        value = event.metrics.get(self.metric)
        if value is None:
            return
        if event.epoch not in self.reported:  # by the run before it was cut off
            self.trial.report(value, event.epoch)
        if event.epoch <= self.search.warmup_epochs:
            return
        if self.trial.should_prune() and self.enough():  # the pruner takes note of each run, pruned or not
            reason = f"{self.metric} {value:.4f} after epoch {event.epoch} was worse than that of earlier runs"
            raise StopTraining("pruned", f"{reason} ({self.search.pruner})")

    def enough(self) -> bool:
        """Whether as many runs are complete as nobody may prune."""
        from optuna.trial import TrialState

        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return len(complete) >= self.search.startup_trials
