"""``hydra/sweeper=search``: Optuna proposes the values, learns from each run, and prunes the hopeless ones.

The study lies in the sweep's folder (``study.db``), so the same command goes on where it stopped: what a killed start left
running is proposed again, with the same values, and so finds its own folder and checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Transformer

from mnist_np.cli.local_launcher import LocalLauncher
from mnist_np.cli.sweepers import ValidatingSweeper, text_of
from mnist_np.component import ConfigError
from mnist_np.sweep.children import Child
from mnist_np.sweep.runner import Ready, SweepRunner, job_of
from mnist_np.sweep.settings import Sweep
from mnist_np.sweep.study import counted, cut_off, open_study

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution


class SearchSweeper(ValidatingSweeper):
    """Asks Optuna for each job's values: ``interval``, ``range``, ``choice`` and ``tag(log, ...)`` of Hydra's grammar."""

    def sweep(self, arguments: list[str]) -> Any:
        overrides = self.parse(arguments)
        space = {key: distribution(override) for key, override in overrides.items() if override.is_sweep_override()}
        fixed = [text_of(override) for override in overrides.values() if not override.is_sweep_override()]
        if not space:
            raise ConfigError(
                "hydra/sweeper", "search", "has nothing to vary: give keys as interval(a,b), range(a,b) or choice(a,b)"
            )
        base = self.compose(fixed)
        settings = base.sweep
        self.batch_size = settings.search.parallel or 1
        if isinstance(self.launcher, LocalLauncher):
            self.launcher.workers = settings.search.parallel or self.launcher.workers
            self.launcher.start()
        for corner in corners(space):  # impossible values are said before anything has run
            self.compose([*fixed, *written(corner)])
        with SweepRunner(base, list(space), [*fixed, "search"], settings.search.trials) as runner:
            study = open_study(runner.folder.path / "study.db", settings, space)
            Search(self, runner, study, space, fixed).run()


class Search:
    """One start of a search: trials are asked for when there is room for a run, and told when it has ended."""

    def __init__(
        self, sweeper: SearchSweeper, runner: SweepRunner, study: Study, space: dict[str, BaseDistribution], fixed: Sequence[str]
    ) -> None:
        self.sweeper, self.runner, self.study, self.space, self.fixed = sweeper, runner, study, space, fixed
        self.settings: Sweep = runner.config.sweep
        self.trials: dict[int, int] = {}
        """The trials that run, by the number of their job."""
        self.waiting: dict[str, list[int]] = {}
        """The trials whose very run is at work for another one, by its fingerprint."""

    def run(self) -> None:
        self.include()
        self.sweeper.launch(self.runner, self.jobs(), self.done)

    def include(self) -> None:
        """Count the runs of earlier starts that this very command would make."""
        for trial in self.study.get_trials(deepcopy=False):
            overrides = [*self.fixed, *written(trial.params)]
            config = self.sweeper.compose(overrides)
            self.runner.include(job_of(config, overrides, texts(trial.params), self.sweeper.digests))

    def jobs(self) -> Iterator[Ready]:
        """The jobs of the trials still to make. A trial whose very run is done already is told at once."""
        while self.remaining() > 0 and not self.runner.stopped():
            trial = self.study.ask(self.space)
            overrides = [*self.fixed, *written(trial.params)]
            config = self.sweeper.compose(overrides)
            config.sweep.trial = trial.number
            job = job_of(config, [*overrides, f"sweep.trial={trial.number}"], texts(trial.params), self.sweeper.digests)
            ready = self.runner.ready(job, config)
            if ready:
                self.trials[ready.number] = trial.number
                self.waiting[job.fingerprint] = []
                yield ready
            elif job.fingerprint in self.waiting:
                self.waiting[job.fingerprint].append(trial.number)
            else:
                self.tell(trial.number, self.runner.child(job))

    def remaining(self) -> int:
        """Trials that may still be asked for: failed ones count, those that were cut off do not."""
        return self.settings.search.trials - counted(self.study)

    def done(self, ready: Ready) -> None:
        child = self.runner.child(ready.job)
        for number in [self.trials.pop(ready.number), *self.waiting.pop(ready.job.fingerprint)]:
            self.tell(number, child)

    def tell(self, number: int, child: Child) -> None:
        """Tell the study what became of a trial's run: its objectives, pruned, failed (and so the worst), or cut off."""
        from optuna.trial import TrialState

        values = self.objectives(child)
        if child.status == "pruned":
            self.study.tell(number, state=TrialState.PRUNED)
        elif child.status in ("finished", "diverged") and values is not None:
            self.study.tell(number, values)
        elif child.status == "failed":
            self.study.tell(number, state=TrialState.FAIL)
        else:
            cut_off(self.study, number)

    def objectives(self, child: Child) -> list[float] | None:
        """The metrics that are searched by; the worst there is for a run that diverged."""
        names = [self.settings.metric, *self.settings.search.metrics]
        if child.status == "diverged":
            return [worst(direction) for direction in [self.settings.direction, *self.settings.search.directions]]
        missing = [name for name in names if name not in child.metrics]
        if child.status == "finished" and missing:
            known = ", ".join(sorted(child.metrics))
            raise ConfigError("sweep.metric", missing[0], f"is not a metric of the runs, which have {known}")
        return [child.metrics[name] for name in names] if not missing else None


def worst(direction: str) -> float:
    """A value worse than any metric of ours: accuracies lie above 0, losses and errors below this."""
    return 0.0 if direction == "maximize" else 1e6


def texts(params: dict[str, Any]) -> dict[str, str]:
    """Values as they are written."""
    return {key: str(value) for key, value in params.items()}


def written(params: dict[str, Any]) -> list[str]:
    """Values as overrides."""
    return [f"{key}={value}" for key, value in params.items()]


def distribution(override: Override) -> BaseDistribution:
    """Optuna's distribution for a value of Hydra's grammar; ``tag(log, interval(a, b))`` is logarithmic."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    if isinstance(value, IntervalSweep):
        log = "log" in value.tags
        assert value.start is not None
        assert value.end is not None
        if isinstance(value.start, int) and isinstance(value.end, int):
            return IntDistribution(value.start, value.end, log=log)
        return FloatDistribution(value.start, value.end, log=log)
    if isinstance(value, RangeSweep) and not value.shuffle:
        assert value.start is not None
        assert value.stop is not None
        if all(isinstance(x, int) for x in (value.start, value.stop, value.step)):
            return IntDistribution(int(value.start), int(value.stop) - 1, step=int(value.step))
    if isinstance(value, RangeSweep | ChoiceSweep) or override.is_discrete_sweep():
        choices: list[Any] = list(override.sweep_iterator(transformer=Transformer.encode))
        return CategoricalDistribution(choices)
    raise ConfigError(
        override.get_key_element(), override.input_line, "use interval(a,b), range(a,b), choice(a,b,...) or a list a,b"
    )


def corners(space: dict[str, BaseDistribution]) -> Iterator[dict[str, Any]]:
    """For each key each of its choices, or its two ends, beside the first value of every other key."""
    from optuna.distributions import CategoricalDistribution

    ends: dict[str, list[Any]] = {
        key: list(d.choices) if isinstance(d, CategoricalDistribution) else [d.low, d.high]  # type: ignore[attr-defined]
        for key, d in space.items()
    }
    first = {key: values[0] for key, values in ends.items()}
    for key, values in ends.items():
        for value in values:
            yield first | {key: value}
