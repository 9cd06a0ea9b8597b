"""Optuna's side of a search: the study and its storage, who proposes values, and who prunes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_np.component import ConfigError
from mnist_np.sqlite_uri import sqlite_uri
from mnist_np.sweep.settings import Search, Sweep
from mnist_np.training.events import EpochEnd, Observer, StopTraining

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


def import_optuna() -> Any:
    """Optuna, quiet. Raises ConfigError naming the extra to install where it is missing."""
    try:
        import optuna
    except ImportError:
        message = "needs Optuna: python -m pip install 'mnist-np[search]' (or -e '.[search]' in a checkout)"
        raise ConfigError("hydra/sweeper", "search", message) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def storage(path: Path) -> Any:
    """The SQLite file of a study. Processes that write to it at the same time wait for each other."""
    optuna = import_optuna()
    return optuna.storages.RDBStorage(sqlite_uri(path), engine_kwargs={"connect_args": {"timeout": 60}})


def open_study(path: Path, sweep: Sweep, space: dict[str, BaseDistribution]) -> optuna.Study:
    """The study at ``path``, made or continued. Trials that a killed start left running are proposed again."""
    optuna = import_optuna()
    directions = [sweep.direction, *sweep.search.directions]
    study = optuna.create_study(study_name="search", storage=storage(path), load_if_exists=True, directions=directions)
    study.pruner = pruner(sweep)
    study.sampler = make_sampler(sweep.search, space, len(study.get_trials(deepcopy=False)))
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        cut_off(study, trial.number)
    return study  # type: ignore[no-any-return]


def cut_off(study: optuna.Study, number: int) -> None:
    """A trial whose run did not come to its end: it does not count, and its values are the next to be proposed."""
    optuna = import_optuna()
    trial = study.trials[number]
    optuna.Trial(study, trial._trial_id).set_user_attr("cut_off", True)
    study.enqueue_trial(trial.params)
    study.tell(number, state=optuna.trial.TrialState.FAIL)


def counted(study: optuna.Study) -> int:
    """The trials that count towards ``trials``: all but those that were cut off or only wait to be taken up."""
    optuna = import_optuna()
    waiting = optuna.trial.TrialState.WAITING
    return sum(trial.state != waiting and not trial.user_attrs.get("cut_off") for trial in study.get_trials(deepcopy=False))


def make_sampler(search: Search, space: dict[str, BaseDistribution], made: int) -> Any:
    """The sampler that ``search.sampler`` names. ``made`` trials are in the study already: a later start draws other numbers."""
    optuna = import_optuna()
    samplers, seed = optuna.samplers, search.seed + made
    if search.sampler == "tpe":
        return samplers.TPESampler(seed=seed, n_startup_trials=search.startup_trials, multivariate=True, constant_liar=True)
    if search.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    if search.sampler == "qmc":
        return samplers.QMCSampler(seed=search.seed, scramble=True)  # the study says which point of the sequence is next
    if search.sampler == "cmaes":
        return samplers.CmaEsSampler(seed=seed, n_startup_trials=search.startup_trials)
    return samplers.GridSampler({key: grid_values(key, d) for key, d in space.items()}, seed=seed)


def grid_values(key: str, distribution: BaseDistribution) -> list[Any]:
    """All values of a distribution. Raises ConfigError where there is no end of them."""
    optuna = import_optuna()
    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, optuna.distributions.IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    raise ConfigError(
        "sweep.search.sampler", "grid", f"{key} is an interval without end of values: use choice(...) or range(...)"
    )


def pruner(sweep: Sweep) -> Any:
    """The pruner that ``search.pruner`` names; none where several objectives leave nothing to compare by."""
    optuna = import_optuna()
    pruners, search = optuna.pruners, sweep.search
    if search.pruner == "none" or search.metrics:
        return pruners.NopPruner()
    if search.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=search.startup_trials, n_warmup_steps=search.warmup_epochs)
    if search.pruner == "halving":
        return pruners.SuccessiveHalvingPruner(min_resource=max(search.warmup_epochs, 1))
    return pruners.HyperbandPruner(min_resource=max(search.warmup_epochs, 1))


class Pruning(Observer):
    """Reports each epoch's validation metric to the study and ends the run when the pruner finds it hopeless."""

    def __init__(self, path: Path, sweep: Sweep) -> None:
        assert sweep.trial is not None
        optuna = import_optuna()
        self.metric = (
            sweep.metric.removeprefix("best/").replace("_", "/", 1) if sweep.metric.startswith("best/") else "val/accuracy"
        )
        self.study = optuna.load_study(study_name="search", storage=storage(path), pruner=pruner(sweep))
        self.trial = optuna.Trial(self.study, self.study.trials[sweep.trial]._trial_id)

    def on_epoch(self, event: EpochEnd) -> None:
        value = event.metrics.get(self.metric)
        if value is None:
            return
        self.trial.report(value, event.epoch)
        if self.trial.should_prune():
            raise StopTraining(
                "pruned", f"{self.metric} {value:.4f} after epoch {event.epoch} was hopeless beside the other runs"
            )
