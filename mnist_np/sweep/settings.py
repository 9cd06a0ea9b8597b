"""How a sweep behaves (config group ``sweep``), and what tells a job which sweep it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from mnist_np.component import Component, bounded, one_of


@dataclass
class Search(Component):
    """How ``hydra/sweeper=search`` looks for good values, by Optuna.

    ``metrics`` names further objectives beside ``sweep.metric``, each with its direction in ``directions``.
    """

    group: ClassVar[str] = "sweep.search"
    trials: int = bounded(20, ge=1)
    parallel: int | None = bounded(None, ge=1)
    sampler: str = one_of("tpe", "tpe", "random", "cmaes", "grid", "qmc")
    pruner: str = one_of("median", "none", "median", "halving", "hyperband")
    startup_trials: int = bounded(5, ge=0)
    warmup_epochs: int = bounded(1, ge=0)
    seed: int = bounded(0, ge=0)
    metrics: list[str] = field(default_factory=list)
    directions: list[str] = field(default_factory=list)

    def check(self) -> None:
        if len(self.metrics) != len(self.directions):
            raise self.error("directions", self.directions, f"must have one entry for each of metrics {self.metrics}")
        for direction in self.directions:
            if direction not in ("maximize", "minimize"):
                raise self.error("directions", self.directions, "each must be maximize or minimize")


@dataclass
class Sweep(Component):
    """What a sweep ranks by, what it skips and when it gives up.

    ``id``, ``parent``, ``child``, ``start``, ``fingerprint`` and ``trial`` are filled in by the sweeper for its jobs alone.
    """

    group: ClassVar[str] = "sweep"
    name: str | None = None
    metric: str = "best/val_accuracy"
    direction: str = one_of("maximize", "maximize", "minimize")
    skip_finished: bool = True
    max_jobs: int = bounded(10_000, ge=1)
    on_error: str = one_of("continue", "continue", "stop")
    search: Search = field(default_factory=Search)
    id: str | None = None
    parent: str | None = None
    child: str | None = None
    start: str | None = None
    fingerprint: str | None = None
    trial: int | None = None

    @property
    def maximize(self) -> bool:
        """Whether more of ``metric`` is better."""
        return self.direction == "maximize"
