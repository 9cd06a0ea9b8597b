"""The config of a run: an experiment and what surrounds it. Imports no hydra, since worker processes need none."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from mnist_np.experiment import Experiment
from mnist_np.sweep.own_observers import observer_class
from mnist_np.sweep.settings import Sweep
from mnist_np.tracking.settings import Tracking


@dataclass
class RunConfig(Experiment):
    """An experiment and what surrounds it without changing its result: its name, where it is written, tracked and swept."""

    name: str | None = None
    tracking: Tracking = field(default_factory=Tracking)
    sweep: Sweep = field(default_factory=Sweep)
    outputs: str = "outputs"
    plugins: list[str] = field(default_factory=list)
    observers: list[Any] = field(default_factory=list)

    def check(self) -> None:
        super().check()
        self.check_norms()
        self.training.check_metrics()
        for entry in self.observers:
            observer_class(entry)

    @property
    def experiment(self) -> Experiment:
        """The experiment alone: what determines the result, and so the fingerprint."""
        return Experiment(**{f.name: getattr(self, f.name) for f in dataclasses.fields(Experiment)})
