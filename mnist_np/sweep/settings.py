"""How a sweep behaves (config group ``sweep``), and what tells a job which sweep it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mnist_np.component import Component, bounded, did_you_mean, one_of
from mnist_np.sweep.conditions import Condition
from mnist_np.terminal import without_passwords
from mnist_np.training.metric_names import less_is_better

DIRECTIONS = ("maximize", "minimize")

STORAGES = ("postgresql+psycopg://", "sqlite:///")
"""What the URL of a search's database begins with."""


@dataclass
class Search(Component):
    """How ``hydra/sweeper=search`` looks for good values, by Optuna.

    ``metrics`` names further objectives beside ``sweep.metric``, each with its direction in ``directions`` (empty: as suits
    each metric). ``storage`` is the URL of a database for the trials; without one they are in a file of the sweep's folder.
    """

    group: ClassVar[str] = "sweep.search"
    trials: int = bounded(20, ge=1)
    seeds: int = bounded(1, ge=1, le=1000)
    parallel: int | None = bounded(None, ge=1)
    sampler: str = one_of("tpe", "tpe", "random", "cmaes", "grid", "qmc")
    pruner: str = one_of("median", "none", "median", "halving", "hyperband")
    startup_trials: int = bounded(5, ge=0)
    warmup_epochs: int = bounded(1, ge=0)
    seed: int = bounded(0, ge=0)
    metrics: list[str] = field(default_factory=list)
    directions: list[str] = field(default_factory=list)
    storage: str | None = None

    def check(self) -> None:
        if self.directions and len(self.metrics) != len(self.directions):
            raise self.error("directions", self.directions, f"must have one entry for each of metrics {self.metrics}")
        for direction in self.directions:
            if direction not in DIRECTIONS:
                hint = did_you_mean(direction, list(DIRECTIONS))
                raise self.error("directions", self.directions, f"{hint}each must be maximize or minimize")
        if self.sampler == "cmaes" and self.metrics:
            raise self.error("sampler", self.sampler, "looks for one objective only: sweep.search.metrics must be []")
        if self.storage is not None:
            self.check_storage(self.storage)

    def check_storage(self, url: str) -> None:
        """Raise ConfigError where ``storage`` is no URL of a database, or has a password in it: configs are kept and shown."""
        shown = without_passwords(url)
        if shown != url or re.search(r"[?&]\w*(password|passwd)=", url):
            allowed = "must have no password, since configs are stored: PGPASSWORD or ~/.pgpass is the place for it"
            raise self.error("storage", shown.partition("?")[0], allowed)
        if not url.startswith(STORAGES) or url in STORAGES:
            raise self.error("storage", url, "must be postgresql+psycopg://USER@HOST/DATABASE or sqlite:////FOLDER/FILE")


@dataclass
class Sweep(Component):
    """What a sweep ranks by, what it skips and when it gives up.

    ``id``, ``parent``, ``child``, ``start``, ``fingerprint``, ``trial`` and ``study`` are filled in by the sweeper for its jobs.
    """

    group: ClassVar[str] = "sweep"
    name: str | None = None
    metric: str = "best/val_accuracy"
    direction: str | None = one_of(None, *DIRECTIONS)
    skip_finished: bool = True
    dry_run: bool = False
    max_jobs: int = bounded(10_000, ge=1)
    on_error: str = one_of("continue", "continue", "stop")
    zip: list[Any] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    grids: list[dict[str, Any]] = field(default_factory=list)
    search: Search = field(default_factory=Search)
    id: str | None = None
    parent: str | None = None
    child: str | None = None
    start: str | None = None
    fingerprint: str | None = None
    trial: int | None = None
    study: str | None = None

    def check(self) -> None:
        names = [self.metric, *self.search.metrics]
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            raise self.search.error("metrics", self.search.metrics, f"{twice[0]} is an objective already")
        for condition in self.exclude:
            Condition.parse(condition)
        self.check_groups()
        if any(not isinstance(grid, dict) or not grid for grid in self.grids):
            raise self.error(
                "grids", self.grids, "each must be a mapping of keys to values: {optimizer: sgd, optimizer.lr: '0.1,0.3'}"
            )

    def check_groups(self) -> None:
        """What ``zip`` names: lists of two keys or more, each key once. Raises ConfigError."""
        keys: list[str] = []
        for group in self.zip:
            if not isinstance(group, list) or len(group) < 2 or not all(isinstance(key, str) for key in group):
                raise self.error("zip", self.zip, "must be lists of two keys or more: [[model.hidden,optimizer.lr]]")
            keys += group
        if twice := [key for i, key in enumerate(keys) if key in keys[:i]]:
            raise self.error("zip", self.zip, f"names {twice[0]} twice")

    @property
    def objectives(self) -> dict[str, str]:
        """The metrics that a search optimizes, each with its direction. The first is ``metric``, which ranks the runs."""
        names = [self.metric, *self.search.metrics]
        given: list[str | None] = [self.direction, *(self.search.directions or (None for _ in self.search.metrics))]
        suiting = ["minimize" if less_is_better(name) else "maximize" for name in names]
        return {name: direction or suits for name, direction, suits in zip(names, given, suiting, strict=True)}

    @property
    def maximize(self) -> bool:
        """Whether more of ``metric`` is better."""
        return self.objectives[self.metric] == "maximize"

    @property
    def further(self) -> dict[str, bool]:
        """The objectives beside ``metric``, each with whether more of it is better."""
        return {name: direction == "maximize" for name, direction in self.objectives.items() if name != self.metric}
