"""Sweeps: many runs planned, run and reported together.

Called, it trains a sweep (see `call.sweep`)::

    from mnist_np import Experiment, sweep

    sweep(Experiment(), {"optimizer.lr": [0.1, 0.2], "seed": range(3)}, workers=2).table()
"""

import sys
from importlib import import_module
from types import ModuleType


class CallableModule(ModuleType):
    """``from mnist_np import sweep`` gives this module, whatever was imported before; so it can be called."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Train a sweep: see `call.sweep`."""
        return import_module(f"{__name__}.call").sweep(*args, **kwargs)


sys.modules[__name__].__class__ = CallableModule
