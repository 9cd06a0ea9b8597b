"""A search: asks Optuna for a trial when a run can start, and reports the result to it, by trial number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mnist_np.component import ConfigError
from mnist_np.sweep.attempt import Attempt, SeedPruning, together, values_of
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import Ready, SweepRunner
from mnist_np.sweep.space import Space
from mnist_np.sweep.study import (
    COUNTS,
    IMPOSSIBLE,
    KNOWS_RUNS,
    KnownRun,
    add_finished_since,
    add_known_runs,
    earlier_points,
    open_study,
    study_name,
    tell_outcome,
    trial_of,
    why_not_pruned,
    why_random,
)
from mnist_np.sweep.study_storage import StudyStorage
from mnist_np.sweep.trial_jobs import TrialJobs
from mnist_np.terminal import counted

if TYPE_CHECKING:
    import optuna

REPEATS, IN_VAIN = 10, 100
"""Proposals in a row that bring no new run: after so many a new point is drawn at random, and after so many the search ends."""


class Search:
    """One start of a search.

    Args:
        runner: the sweep that its runs are children of.
        storage: where its studies are.
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
        storage: StudyStorage,
        space: Space,
        corners: Sequence[str],
        earlier: Iterable[Mapping[str, str]],
        fixed: Sequence[str],
        compose: Callable[[Sequence[str]], RunConfig],
        digests: dict[str, str],
    ) -> None:
        self.runner, self.space = runner, space
        self.sweep = runner.config.sweep
        name = study_name(self.sweep, space, corners) + ("" if self.sweep.skip_finished else f"-{runner.start}")
        self.study, counts = open_study(storage, name, self.sweep, space)
        self.runs_at = TrialJobs(runner.config, self.study.study_name, fixed, compose, digests)
        if self.sweep.skip_finished and not self.study.user_attrs.get(KNOWS_RUNS):
            runs = self.known_runs([*earlier, *earlier_points(storage)])
            add_known_runs(self.study, runs, self.sweep, space, counts)
        self.rng = np.random.default_rng([self.sweep.search.seed, len(self.study.get_trials(deepcopy=False))])
        self.points: set[tuple[str, ...]] = set()
        """The points that need no run any more, as `Space.key_of` writes them: run, running, or impossible."""
        self.made: set[str] = set()
        """The fingerprints of all runs that were made or are being made."""
        self.count = 0
        """How many of them count towards ``trials``."""
        self.running: dict[str, list[Attempt]] = {}
        """Fingerprint -> the trials that wait for its run."""
        self.attempts: list[Attempt] = []
        """The trials that have been started and whose results are not reported yet."""
        settings = self.sweep.search
        prunes = settings.pruner != "none" and not settings.metrics
        self.pruning = SeedPruning(1 if self.sweep.maximize else -1, settings.seeds, settings.startup_trials if prunes else None)
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
                jobs = [job for job, _ in self.runs_at(trial.params)]
                found = [job for job in jobs if self.runner.include(job)]
                if jobs[0] in found and (len(found) == len(jobs) or trial.state == TrialState.PRUNED):
                    children = [self.runner.child(job) for job in found]
                    self.points.add(self.space.key_of(trial.params))
                    self.note(jobs[0].fingerprint, trial.user_attrs.get(COUNTS, True))
                    self.pruning.learn(values_of(children, self.sweep.metric))
                    run = KnownRun(trial.params, jobs[0].fingerprint, together(children, len(jobs)))
                    add_finished_since(self.study, trial, run, self.sweep, self.space)
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
            point = self.space.parse({key: text for key, text in texts.items() if key != "seed"})
            if point is None:
                continue
            try:
                jobs = [job for job, _ in self.runs_at(point)]
            except ConfigError:
                continue
            if all(self.runner.finished(job) for job in jobs):
                for job in jobs:
                    self.runner.include(job)
                yield KnownRun(point, jobs[0].fingerprint, together([self.runner.child(job) for job in jobs], len(jobs)))

    def jobs(self) -> Iterator[Ready]:
        """The runs still to make: those that were cut off, and then one for each new point that is proposed."""
        for note in (why_not_pruned(self.sweep), why_random(self.sweep.search, self.space)):
            if note:
                self.runner.say(note)
        for number in self.interrupted:
            if not self.runner.stopped():
                yield from self.begin(trial_of(self.study, number))
        in_vain = 0
        while not self.runner.stopped():
            if waiting := next((attempt for attempt in self.attempts if not attempt.waits_for), None):
                yield from self.next_run(waiting)
            elif trial := self.ask(in_vain):
                before = self.count
                yield from self.begin(trial)
                in_vain = 0 if self.count > before else in_vain + 1
            elif left := next((attempt for attempt in self.attempts if not attempt.is_started), None):
                yield from self.next_run(left)  # no trial is to be asked for: its seeds run side by side
            else:
                return

    def ask(self, in_vain: int) -> optuna.Trial | None:
        """The next trial, after ``in_vain`` ones that brought no new run; None if there is to be no other."""
        settings = self.sweep.search
        if self.count >= settings.trials:
            if not self.runner.numbered:
                self.ending = f"nothing to run: {counted(self.count, 'trial')} already made; a higher sweep.search.trials goes on"
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
        """The run of a trial, if it has to be run; a known result is reported to the trial at once."""
        from optuna.trial import TrialState

        self.points.add(self.space.key_of(trial.params))
        try:
            jobs = self.runs_at(trial.params, trial.number)
        except ConfigError as error:
            self.refused = error
            trial.set_user_attr(IMPOSSIBLE, str(error))
            self.study.tell(trial.number, state=TrialState.FAIL)
            return
        self.note(jobs[0][0].fingerprint)
        attempt = Attempt(trial, jobs)
        self.attempts.append(attempt)
        yield from self.next_run(attempt)

    def next_run(self, attempt: Attempt) -> Iterator[Ready]:
        """The next run of a trial that is not known already; if there is none, the trial's result is reported."""
        while not attempt.is_started:
            job, config = attempt.jobs[attempt.started]
            attempt.started += 1
            if job.fingerprint in self.running:
                attempt.waits_for.add(job.fingerprint)
                self.running[job.fingerprint].append(attempt)
                return
            if ready := self.runner.ready(job, config):
                attempt.waits_for.add(job.fingerprint)
                self.running[job.fingerprint] = [attempt]
                yield ready
                return
            self.report_if_over(attempt)

    def done(self, ready: Ready) -> None:
        """Take note of a run in all trials that wait for it."""
        for attempt in self.running.pop(ready.job.fingerprint):
            attempt.waits_for.discard(ready.job.fingerprint)
            self.report_if_over(attempt)

    def report_if_over(self, attempt: Attempt) -> None:
        """Report a trial's result if all its runs are over, or if those that are over make the others unnecessary."""
        if attempt.waits_for or attempt.is_reported:
            return
        children = [self.runner.child(job) for job, _ in attempt.jobs[: attempt.started]]
        child, values = together(children, len(attempt.jobs)), values_of(children, self.sweep.metric)
        going_on = child.status == "pruned" and len(children) == len(values) < len(attempt.jobs)
        if going_on and not self.pruning.prunes(values):
            return
        attempt.is_reported = True
        self.attempts.remove(attempt)
        self.pruning.learn(values)
        tell_outcome(self.study, attempt.trial, child, self.sweep)

    def conclude(self) -> None:
        """Say why the search has ended where that is not as expected, and which points it could not try."""
        if self.refused:
            self.runner.say(f"values that cannot go together were passed over, the last: {self.refused}")
        if self.ending:
            self.runner.say(self.ending)
