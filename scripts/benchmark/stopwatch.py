"""``python -m benchmark.stopwatch RESULT ARGUMENTS``: the command ``train.py ARGUMENTS`` with a stopwatch in each part.

Every moment belongs to one part: where parts are nested, to the inner one. What is imported counts as such, wherever it is.
"""

from __future__ import annotations

import builtins
import json
import resource
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import perf_counter, time
from typing import Any

IMPORTS, TRAINING = "starting Python, imports", "training"


class Stopwatch:
    """Seconds by part. The parts under way are a stack, of which the top one's time runs."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.parts = ["everything else"]
        self.since = perf_counter()

    def _switch(self) -> None:
        now = perf_counter()
        self.seconds[self.parts[-1]] += now - self.since
        self.since = now

    def enter(self, part: str) -> None:
        self._switch()
        self.parts.append(part)

    def leave(self) -> None:
        self._switch()
        self.parts.pop()

    def watch(self, owner: Any, name: str, part: str | Callable[..., str]) -> None:
        """Count the time in ``owner.name`` as ``part``, or as what ``part`` says of its arguments."""
        function = getattr(owner, name)

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.enter(part if isinstance(part, str) else part(*args))
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        setattr(owner, name, watched)

    def watch_imports(self) -> None:
        """Count what is imported for the first time."""
        true_import = builtins.__import__

        def watched(name: str, *args: Any, **kwargs: Any) -> Any:
            if name in sys.modules or self.parts[-1] == IMPORTS:
                return true_import(name, *args, **kwargs)
            self.enter(IMPORTS)
            try:
                return true_import(name, *args, **kwargs)
            finally:
                self.leave()

        builtins.__import__ = watched


def main() -> None:
    began, result, *arguments = sys.argv[1:]
    watch = Stopwatch()
    watch.seconds[IMPORTS] = time() - float(began)
    watch.watch_imports()
    watch_parts(watch)
    from mnist_np.cli.train import main as command

    code = command(arguments)
    watch.leave()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
    Path(result).write_text(json.dumps({"seconds": watch.seconds, "peak_mib": peak}))
    sys.exit(code)


def watch_parts(watch: Stopwatch) -> None:
    """Put a stopwatch into the parts of a run."""
    from mnist_np.cli import compose
    from mnist_np.experiment import Experiment
    from mnist_np.training import loop, run
    from mnist_np.training.events import Observers

    watch.watch(compose, "compose", "composing the config")
    watch.watch(Experiment, "load_data", "loading the data")
    watch.watch(loop.Trainer, "train_epoch", TRAINING)
    watch.watch(loop, "evaluate", "validation")
    watch.watch(run, "conclude", "test")

    def tell(self: Observers, observers: list[Any], method: str, event: Any) -> None:
        for observer in observers:
            watch.enter(f"{type(observer).__name__}.{method}")
            try:
                true_tell(self, [observer], method, event)
            finally:
                watch.leave()

    true_tell = Observers._tell
    Observers._tell = tell  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
