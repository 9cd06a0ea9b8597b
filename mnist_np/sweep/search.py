"""A search: trials are asked for when there is room for a run, and told what became of it, by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_np.component import ConfigError
from mnist_np.sweep.children import Child
from mnist_np.sweep.plan import Job
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import Ready, SweepRunner, job_of
from mnist_np.sweep.space import Point, Space
from mnist_np.sweep.study import (
    COUNTS,
    IMPOSSIBLE,
    KNOWS_RUNS,
    KnownRun,
    add_known_runs,
    curve,
    earlier_points,
    open_study,
    outcome,
    pruning_metric,
    study_name,
    trial_of,
    why_not_pruned,
    why_random,
)

if TYPE_CHECKING:
    import optuna

REPEATS, IN_VAIN = 10, 100
"""Proposals in a row that bring no new run: after so many a new point is drawn at random, and after so many the search ends."""


class Search:
    """One start of a search.

    Args:
        runner: the sweep that its runs are children of.
        path: the file of its study.
        space: what varies.
        corners: fingerprints of the space's corners.
        earlier: what varied in the runs of the sweep's last start, from which a new study begins.
        fixed: the overrides that all runs share.
        compose: gives the checked config of overrides.
        digests: the data's digests that are known already (see `job_of`).
    """

    def __init__(
        self,
        runner: SweepRunner,
        path: Path,
        space: Space,
        corners: Sequence[str],
        earlier: Iterable[Mapping[str, str]],
        fixed: Sequence[str],
        compose: Callable[[Sequence[str]], RunConfig],
        digests: dict[str, str],
    ) -> None:
        self.runner, self.space, self.fixed, self.compose, self.digests = runner, space, fixed, compose, digests
        self.sweep = runner.config.sweep
        name = study_name(self.sweep, space, corners)
        if not self.sweep.skip_finished:
            name += f"-{runner.start}"
        self.study, counts = open_study(path, name, self.sweep, space)
        if self.sweep.skip_finished and not self.study.user_attrs.get(KNOWS_RUNS):
            runs = self.known_runs([*earlier, *earlier_points(path)])
            add_known_runs(self.study, runs, self.sweep, space, counts)
        self.rng = np.random.default_rng([self.sweep.search.seed, len(self.study.get_trials(deepcopy=False))])
        self.points: set[tuple[str, ...]] = set()
        """The points that need no run any more, as `Space.key_of` writes them: run, running, or impossible."""
        self.made: set[str] = set()
        """The fingerprints of all runs that were made or are being made."""
        self.count = 0
        """How many of them count towards ``trials``."""
        self.running: dict[str, list[optuna.Trial]] = {}
        """Fingerprint -> the trials that wait for its run."""
        self.ending = ""
        """Why no other trial was asked for, where that is not as expected."""
        self.refused: ConfigError | None = None
        """Why the last point that cannot be was refused."""
        self.interrupted = self.read_trials()

    def read_trials(self) -> list[int]:
        """Note the trials of earlier starts. Gives those whose run did not come to its end, which go on.

        Trials that failed, and those whose run has been deleted since, are asked for again.
        """
        from optuna.trial import TrialState

        trials = self.study.get_trials(deepcopy=False)
        interrupted, again = [], []
        for trial in trials:
            whole = set(trial.params) == set(self.space.distributions)  # not that of a process killed while it asked
            if trial.state == TrialState.RUNNING and not whole:
                self.study.tell(trial.number, state=TrialState.FAIL)
            elif trial.state == TrialState.RUNNING:
                interrupted.append(trial.number)
            elif trial.user_attrs.get(IMPOSSIBLE):
                self.points.add(self.space.key_of(trial.params))
            elif trial.state == TrialState.FAIL and whole:
                again.append(trial.params)
            elif trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
                job, _ = self.job(trial.params)
                if self.runner.include(job):
                    self.points.add(self.space.key_of(trial.params))
                    self.note(job.fingerprint, trial.user_attrs.get(COUNTS, True))
                else:
                    again.append(trial.params)
        asked = [trial.system_attrs.get("fixed_params") for trial in trials if trial.state == TrialState.WAITING]
        for params in again:
            if self.space.key_of(params) not in self.points and params not in asked:
                self.study.enqueue_trial(params)
                asked.append(params)
        return interrupted

    def note(self, fingerprint: str, counts: bool = True) -> None:
        """Note a run that is made or was made, and count it the first time."""
        self.count += counts and fingerprint not in self.made
        self.made.add(fingerprint)

    def known_runs(self, earlier: Iterable[Mapping[str, str]]) -> Iterator[KnownRun]:
        """The runs with values that were searched before, as far as they are of this space and of this very config."""
        for texts in earlier:
            point = self.space.parse(texts)
            if point is None:
                continue
            try:
                job, _ = self.job(point)
            except ConfigError:
                continue
            if self.runner.include(job):
                yield KnownRun(point, job.fingerprint, self.runner.child(job))

    def job(self, point: Point, number: int | None = None) -> tuple[Job, RunConfig]:
        """The run at a point, as the trial ``number``. Raises ConfigError where its values cannot go together."""
        varied = {key: str(value) for key, value in point.items()}
        overrides = [*self.fixed, *(f"{key}={value}" for key, value in varied.items())]
        config = self.compose(overrides)
        config.sweep.trial, config.sweep.study = number, self.study.study_name
        theirs = [f"sweep.trial={number}", f"sweep.study={self.study.study_name}"]
        return job_of(config, [*overrides, *theirs], varied, self.digests), config

    def jobs(self) -> Iterator[Ready]:
        """The runs still to make: those that were cut off, and then one for each new point that is proposed."""
        for note in (why_not_pruned(self.sweep), why_random(self.sweep.search, self.space)):
            if note:
                self.say(note)
        for number in self.interrupted:
            if not self.runner.stopped():
                yield from self.begin(trial_of(self.study, number))
        in_vain = 0
        while not self.runner.stopped() and (trial := self.ask(in_vain)):
            before = self.count
            yield from self.begin(trial)
            in_vain = 0 if self.count > before else in_vain + 1

    def ask(self, in_vain: int) -> optuna.Trial | None:
        """The next trial, after ``in_vain`` ones that brought no new run; None if there is to be no other."""
        settings = self.sweep.search
        if self.count >= settings.trials:
            if not self.runner.numbered:
                self.ending = f"nothing to run: {self.count} runs have been made; a higher sweep.search.trials goes on"
            return None
        if in_vain >= IN_VAIN:
            self.ending = f"the search has ended early: {in_vain} proposals in a row brought no new run"
            return None
        if settings.sampler == "grid" or in_vain >= REPEATS or len(self.points) >= self.space.size:
            point = self.space.new_point(self.points, self.rng)
            if point is None:
                self.ending = f"the search has ended: all {len(self.points)} points of its space are known"
                return None
            self.study.enqueue_trial(dict(point))
        return self.study.ask(dict(self.space.distributions))

    def begin(self, trial: optuna.Trial) -> Iterator[Ready]:
        """The run of a trial, if there is one to make; a trial whose result is known is told it at once."""
        from optuna.trial import TrialState

        self.points.add(self.space.key_of(trial.params))
        try:
            job, config = self.job(trial.params, trial.number)
        except ConfigError as error:
            self.refused = error
            trial.set_user_attr(IMPOSSIBLE, str(error))
            self.study.tell(trial.number, state=TrialState.FAIL)
            return
        self.note(job.fingerprint)
        if job.fingerprint in self.running:
            self.running[job.fingerprint].append(trial)
        elif ready := self.runner.ready(job, config):
            self.running[job.fingerprint] = [trial]
            yield ready
        else:
            self.tell(trial, self.runner.child(job))

    def done(self, ready: Ready) -> None:
        """Tell all trials that wait for a run what became of it."""
        for trial in self.running.pop(ready.job.fingerprint):
            self.tell(trial, self.runner.child(ready.job))

    def tell(self, trial: optuna.Trial, child: Child) -> None:
        """Tell the study what became of a trial's run. One that is not over is left: the next start goes on with it."""
        told = outcome(child, self.sweep)
        if told is None:
            return
        reported = self.study.get_trials(deepcopy=False)[trial.number].intermediate_values
        for epoch, value in curve(child, pruning_metric(self.sweep)).items():
            if epoch not in reported:
                trial.report(value, epoch)
        state, values = told
        self.study.tell(trial.number, values, state=state, skip_if_finished=True)

    def conclude(self) -> None:
        """Say why the search has ended where that is not as expected, and which points it could not try."""
        if self.refused:
            self.say(f"values that cannot go together were passed over, the last: {self.refused}")
        if self.ending:
            self.say(self.ending)

    def say(self, line: str) -> None:
        self.runner.console.print(line, soft_wrap=True, highlight=False, markup=False)
