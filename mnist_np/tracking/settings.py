"""Where runs are tracked (config group ``tracking``). Imports no mlflow: a run with ``tracking=off`` needs none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnist_np.component import Component, one_of

LONGEST_NAME = 256
"""Characters of the name of a registered model."""


@dataclass
class Tracking(Component):
    """An MLflow store: SQLite under ``outputs``, a server at ``uri``, or none.

    With ``required`` a store that cannot be reached stops the run before its first step; else it is reported only.
    ``figures`` says whether each run draws its own: with ``auto`` single runs do, and of a sweep the best when it is over.
    ``images`` are small ones of its epochs, for MLflow's image grid. ``model`` is the network as a model that MLflow loads:
    ``auto`` (of single runs that finished, and the best of a sweep), ``always`` or ``never``. ``register`` is the name of a
    registered model, a version of which the model becomes: that of a single run, or the best of a sweep.
    """

    group: ClassVar[str] = "tracking"
    backend: str = one_of("sqlite", "sqlite", "server", "off")
    uri: str | None = None
    experiment: str = "mnist-np"
    required: bool = True
    figures: Any = "auto"
    images: str = one_of("off", "off", "epochs")
    model: str = one_of("auto", "auto", "always", "never")
    register: str | None = None

    def check(self) -> None:
        if self.backend == "server" and not self.uri:
            raise self.error("uri", self.uri, "tracking=server needs its address, e.g. tracking.uri=http://127.0.0.1:5000")
        if self.backend == "sqlite" and self.uri and not self.uri.startswith("sqlite:///"):
            raise self.error("uri", self.uri, "must be null or sqlite:///<path>; a server is tracking=server")
        if self.backend == "off" and self.images != "off":
            raise self.error("images", self.images, "are for MLflow's image grid, and tracking=off sends nothing there")
        if self.register is not None:
            self.check_register(self.register)
        if self.figures not in ("auto", True, False):
            raise self.error("figures", self.figures, "must be auto, true or false")
        if not self.experiment.strip():
            raise self.error("experiment", self.experiment, "must not be empty")

    def check_register(self, name: str) -> None:
        """Raise ConfigError for a name that MLflow's registry does not take, or where there is no model to be registered."""
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable() or any(c in name for c in "/:\\%"):
            allowed = f"a name of 1 to {LONGEST_NAME} characters without / : \\ and %"
            raise self.error("register", name, f"must be null or {allowed}")
        if name in (".", "..") or name != name.strip():
            raise self.error("register", name, "must not be a path, nor begin or end with a space")
        if self.backend == "off":
            raise self.error("register", name, "needs MLflow's registry, and tracking=off sends nothing there")
        if self.model == "never":
            raise self.error("register", name, "needs a logged model, and tracking.model=never logs none")

    def draws(self, child: bool) -> bool:
        """Whether a single run, or a ``child`` of a sweep, draws its figures when it ends."""
        return self.figures is True or (self.figures == "auto" and not child)
