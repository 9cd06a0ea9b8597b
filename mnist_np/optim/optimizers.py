"""All optimizers, and the table of their names in YAML and on the command line."""

from __future__ import annotations

from mnist_np.optim.adam import Adam, AdamW, NAdam, RAdam
from mnist_np.optim.adaptive import Adadelta, Adagrad, RMSprop
from mnist_np.optim.descent import SGD, Momentum
from mnist_np.optim.lbfgs import LBFGS
from mnist_np.optim.lion import Lion
from mnist_np.optim.muon import Muon
from mnist_np.optim.optimizer import Optimizer, State
from mnist_np.optim.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
    "State",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adadelta": Adadelta,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "radam": RAdam,
    "lion": Lion,
    "muon": Muon,
    "schedule_free_sgd": ScheduleFreeSGD,
    "schedule_free_adamw": ScheduleFreeAdamW,
    "lbfgs": LBFGS,
}
