"""``python -m benchmark.first_batch MODE ...`` ends when the first batch is trained on; its life is the measurement.

Of this project it is the whole command, Hydra and all, with the arguments that follow; of a library the shortest program.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from benchmark.cells import Cell, Mode


def main() -> None:
    mode = Mode(**json.loads(sys.argv[1]))
    if mode.needs:
        of_library(mode)
    else:
        of_command(sys.argv[2:])


def of_command(arguments: list[str]) -> None:
    """``python scripts/train.py ARGUMENTS`` up to its first update."""
    from mnist_np.cli.train import main as command
    from mnist_np.training.loop import Trainer

    update = Trainer.update

    def first(*args: Any) -> None:
        update(*args)
        os._exit(0)

    setattr(Trainer, "update", first)  # noqa: B010 (an assignment is an error to mypy, and rightly so elsewhere)
    command(arguments)


def of_library(mode: Mode) -> None:
    """An epoch of a single batch."""
    from importlib import import_module

    from benchmark.child import Images

    cell = Cell("train", "128-64", 64)
    images = Images(cell.batch)
    import_module(f"benchmark.{mode.module}").job(mode, cell, images).run()
    os._exit(0)


if __name__ == "__main__":
    main()
