"""An earlier run, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnist_np.component import ConfigError, JsonDict, UserError
from mnist_np.experiment import Experiment
from mnist_np.files import near
from mnist_np.serialize import from_dict
from mnist_np.storage.config_file import read_config
from mnist_np.storage.records import numbers, read_history, read_json
from mnist_np.storage.weights import Weights, load_weights
from mnist_np.training.mode import Mode, recorded


class SavedRunError(UserError):
    """An earlier run that cannot be used. The message says which and why."""


@dataclass(frozen=True)
class SavedRun:
    """The files of an earlier run, each read when it is asked for. ``name`` is what the user called it by."""

    name: str
    folder: Path

    def __repr__(self) -> str:
        accuracy = self.metrics.get("test/accuracy")
        reached = f", test accuracy {accuracy:.2%}" if accuracy is not None else ""
        return f"SavedRun({near(self.folder)}: {self.status}{reached})"

    @property
    def experiment(self) -> Experiment:
        """The experiment of ``config.yaml``, whose keys and values are checked like any others. Raises SavedRunError."""
        path = self.folder / "config.yaml"
        try:
            return from_dict(Experiment, read_config(path))
        except FileNotFoundError:
            raise SavedRunError(f"{self.name}: the run left no config.yaml in {self.folder}") from None
        except OSError as error:
            raise SavedRunError(f"{path}: {error.strerror}") from None
        except (ConfigError, ValueError, TypeError) as error:
            raise SavedRunError(f"{path}: {error}") from None

    @property
    def result(self) -> JsonDict:
        """``result.json``: status, metrics, data, versions, BLAS; empty if the run has not ended."""
        return read_json(self.folder / "result.json")

    @property
    def mode(self) -> Mode | None:
        """How the run was computed; None where it left no record of that. Raises SavedRunError.

        Old runs say the processes in their config and the threads in ``result.json``.
        """
        blas, processes = self.result.get("blas"), self.experiment.training.processes
        before = {"processes": processes, "threads": blas.get("threads")} if isinstance(blas, dict) else None
        return recorded(self.result.get("mode")) or recorded(read_json(self.folder / "run.json").get("mode")) or recorded(before)

    @property
    def status(self) -> str:
        """``finished``, ``killed``, ``diverged``, ``pruned`` or ``failed``; ``interrupted`` where nothing says."""
        return str(self.result.get("status") or "interrupted")

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers of the whole run: ``best/...``, ``test/...``; those that were not finite are left out."""
        metrics = self.result.get("metrics")
        return numbers(metrics) if isinstance(metrics, dict) else {}

    @property
    def history(self) -> list[dict[str, float]]:
        """The metrics of each epoch, from ``history.csv``."""
        return read_history(self.folder / "history.csv")

    @property
    def weights_file(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def weights(self) -> Weights:
        """The trained network, with what images must go through before it sees them. Raises WeightsError."""
        return load_weights(self.weights_file)
