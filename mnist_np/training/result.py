"""The result of a run: the trained network, its history and its test metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from mnist_np import notebook
from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.metrics import Predictions, by_class, measure, of_test
from mnist_np.nn.network import Network
from mnist_np.terminal import counted, duration
from mnist_np.training.diagnostics_record import DiagnosticsRecord
from mnist_np.training.evaluation import Evaluation, quiet
from mnist_np.training.metric_names import best_name
from mnist_np.training.mode import Mode


@dataclass(repr=False)
class Result:
    """The result of a run.

    Attributes:
        experiment: what was trained.
        data: its data set.
        network: the trained network, with the weights that validation chose.
        status: ``finished``, ``killed``, ``diverged`` or ``pruned``.
        reason: why the training ended early; empty otherwise.
        history: the metrics of each epoch, by name; ``epoch`` counts from 1.
        best_epoch: the epoch (from 1) whose weights were kept.
        best: its metrics.
        test: loss, accuracy (a fraction) and logits (n, n_classes) on the test split.
        seconds: how long the run took.
        mode: the number of processes and BLAS threads, on which the last bits depend.
        failures: the observers that failed; the training itself is not affected.
        diagnostics: statistics of the layers, if ``training.diagnostics`` asks for them.
    """

    experiment: Experiment
    data: Dataset
    network: Network
    status: str
    reason: str
    history: list[dict[str, float]]
    best_epoch: int
    best: dict[str, float]
    test: Evaluation
    seconds: float
    mode: Mode = Mode()
    failures: list[str] = field(default_factory=list)
    diagnostics: DiagnosticsRecord | None = None

    def __repr__(self) -> str:
        epochs = counted(len(self.history), "epoch")
        return f"Result({self.status}: test accuracy {self.test.accuracy:.2%} after {epochs}; {self.network!r})"

    def _repr_html_(self) -> str:
        return notebook.table("Result", self.summary | {"network": repr(self.network), "data": repr(self.data)})

    @property
    def summary(self) -> dict[str, str]:
        """What a person wants to know first, in words."""
        wrong = round((1 - self.test.accuracy) * len(self.data.test))
        found = {"status": f"{self.status} {self.reason}".strip()}
        found["test accuracy"] = f"{self.test.accuracy:.2%}  ({wrong:,} of {len(self.data.test):,} wrong)"
        found["test loss"] = f"{self.test.loss:.4f}"
        if "val/accuracy" in self.best:
            found["validation"] = f"{self.best['val/accuracy']:.2%} at epoch {self.best_epoch}, whose weights are kept"
        found["time"] = f"{duration(self.seconds)} for {counted(len(self.history), 'epoch')}"
        return found

    @cached_property
    def predictions(self) -> Predictions:
        """The probabilities of the test split beside its labels."""
        return Predictions(self.experiment.loss.probabilities(self.test.logits), self.data.test.labels, self.test.logits)

    @property
    def classes(self) -> list[dict[str, str | int | float]]:
        """Precision, recall and F1 of each class on the test split."""
        with quiet():
            return by_class(self.predictions, self.data.class_names)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The numbers of the whole run: ``best/...``, ``test/...``, ``time/total_s``, ``model/parameters``.

        Those that are not finite are left out.
        """
        best = {best_name(key): value for key, value in self.best.items() if key.startswith("val/")}
        test = {"test/loss": self.test.loss, "test/accuracy": self.test.accuracy, "test/error": 1 - self.test.accuracy}
        with quiet():
            test |= measure(self.predictions, of_test(self.experiment.training.metrics), "test")
        whole = {"time/total_s": self.seconds, "model/parameters": float(self.network.params.size)}
        metrics = best | {"best/epoch": float(self.best_epoch)} | test | whole
        return {key: value for key, value in metrics.items() if math.isfinite(value)}
