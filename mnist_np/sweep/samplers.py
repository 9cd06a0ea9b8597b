"""Samplers and pruners of a search, by name. Imports Optuna: import it where it is needed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module

from optuna import Study, pruners, samplers
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from mnist_np.component import ConfigError
from mnist_np.extras import install_command
from mnist_np.sweep.settings import Search
from mnist_np.sweep.space import Space, readable

PACKAGES = {"cmaes": "cmaes", "qmc": "scipy"}
"""What a sampler needs beside Optuna."""


def make_sampler(search: Search, space: Space, made: int) -> BaseSampler:
    """The sampler that ``search.sampler`` names. ``made`` trials are in the study already: a later start draws other numbers.

    For ``grid``, whose points are enqueued (`Space.new_point`), it is a sampler that is never asked.
    """
    if package := PACKAGES.get(search.sampler):
        try:
            import_module(package)  # Optuna would import it when it proposes
        except ImportError:
            raise search.error("sampler", search.sampler, f"needs the package {package}: {install_command('search')}") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return ReadableSampler(_sampler(search, space, search.seed + made))


def _sampler(search: Search, space: Space, seed: int) -> BaseSampler:
    if search.sampler == "tpe":
        return samplers.TPESampler(seed=seed, n_startup_trials=search.startup_trials, multivariate=True, constant_liar=True)
    if search.sampler == "qmc":  # the study knows which point of the sequence is next
        return samplers.QMCSampler(seed=search.seed, scramble=True, warn_independent_sampling=False)
    if search.sampler == "cmaes":
        return samplers.CmaEsSampler(seed=seed, n_startup_trials=max(search.startup_trials, 1), warn_independent_sampling=False)
    if search.sampler == "grid":
        for key, values in space.values.items():
            if values is None:
                raise ConfigError(
                    "sweep.search.sampler", "grid", f"{key} is an interval without end of values: use choice(...) or range(...)"
                )
    return samplers.RandomSampler(seed=seed)


class ReadableSampler(BaseSampler):
    """Another sampler, whose numbers have few digits: the study learns from the very values that the runs have."""

    def __init__(self, sampler: BaseSampler) -> None:
        self.sampler = sampler

    def reseed_rng(self) -> None:
        self.sampler.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, object]:
        values = self.sampler.sample_relative(study, trial, dict(search_space))
        return {key: readable(value, search_space[key]) for key, value in values.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> object:
        value = self.sampler.sample_independent(study, trial, param_name, param_distribution)
        return readable(value, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self.sampler.after_trial(study, trial, state, values)


def make_pruner(search: Search) -> BasePruner:
    """The pruner that ``search.pruner`` names. It is asked after ``startup_trials`` and ``warmup_epochs`` (`Pruning`)."""
    first = search.warmup_epochs + 1
    if search.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=search.startup_trials, n_warmup_steps=search.warmup_epochs)
    if search.pruner == "halving":
        return pruners.SuccessiveHalvingPruner(min_resource=first)
    if search.pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=first)
    return pruners.NopPruner()
