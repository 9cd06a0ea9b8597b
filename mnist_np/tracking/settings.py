"""Where runs are tracked (config group ``tracking``). Imports no mlflow: a run with ``tracking=off`` needs none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnist_np.component import Component, one_of


@dataclass
class Tracking(Component):
    """An MLflow store: SQLite under ``outputs``, a server at ``uri``, or none.

    With ``required`` a store that cannot be reached stops the run before its first step; else it is reported only. A SQLite
    store that is ready, or that can be made, is used beside the training: what goes wrong there is reported too.
    ``figures`` says whether each run draws its own: with ``auto`` single runs do, and of a sweep the best when it is over.
    ``images`` are small ones of its epochs, for MLflow's image grid. ``model`` is the network as a model that MLflow loads:
    ``auto`` (of single runs that finished), ``always`` or ``never``.
    """

    group: ClassVar[str] = "tracking"
    backend: str = one_of("sqlite", "sqlite", "server", "off")
    uri: str | None = None
    experiment: str = "mnist-np"
    required: bool = True
    figures: Any = "auto"
    images: str = one_of("off", "off", "epochs")
    model: str = one_of("auto", "auto", "always", "never")

    def check(self) -> None:
        if self.backend == "server" and not self.uri:
            raise self.error("uri", self.uri, "tracking=server needs its address, e.g. tracking.uri=http://127.0.0.1:5000")
        if self.backend == "sqlite" and self.uri and not self.uri.startswith("sqlite:///"):
            raise self.error("uri", self.uri, "must be null or sqlite:///<path>; a server is tracking=server")
        if self.backend == "off" and self.images != "off":
            raise self.error("images", self.images, "are for MLflow's image grid, and tracking=off sends nothing there")
        if self.figures not in ("auto", True, False):
            raise self.error("figures", self.figures, "must be auto, true or false")
        if not self.experiment.strip():
            raise self.error("experiment", self.experiment, "must not be empty")

    def draws(self, child: bool) -> bool:
        """Whether a single run, or a ``child`` of a sweep, draws its figures when it ends."""
        return self.figures is True or (self.figures == "auto" and not child)
