"""All schedules by the name that YAML and the command line give them."""

from __future__ import annotations

from mnist_np.optim.cycles import CosineRestarts, OneCycle
from mnist_np.optim.decay import Constant, Cosine, Exponential, InverseTime, MultiStep, Polynomial, Step
from mnist_np.optim.plateau import ReduceOnPlateau
from mnist_np.optim.schedule import Schedule

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseTime",
    "MultiStep",
    "OneCycle",
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
]

SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "multi_step": MultiStep,
    "exponential": Exponential,
    "inverse_time": InverseTime,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "cosine_restarts": CosineRestarts,
    "one_cycle": OneCycle,
    "reduce_on_plateau": ReduceOnPlateau,
}
