"""The other process: ``python -m mnist_np.training.parallel.worker`` trains its share whenever it is told to.

It ends when its standard input ends, so it never outlives the process that started it: while waiting for that one in the
middle of a step it looks whether it is still there.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any

import numpy as np

from mnist_np.training.events import StopTraining
from mnist_np.training.parallel.exchange import PeerLost
from mnist_np.training.parallel.shared import SharedArray
from mnist_np.training.parallel.side import Memory, Rank


def main() -> None:
    """Read the work, then one `Progress` after the other; answer each with the name and text of what went wrong, or None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, but the other process decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed goes to standard error, not between the answers
    parent = os.getppid()
    work, descriptions = pickle.load(sys.stdin.buffer)
    memory = Memory(*(SharedArray(*description) for description in descriptions))
    side = Rank(work.with_rows(memory.rows.array), memory, 1, gone=lambda: os.getppid() != parent)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        while True:
            try:
                news = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            pickle.dump(epoch(side, news), answers)
            answers.flush()


def epoch(side: Rank, news: Any) -> tuple[str, str] | None:
    """Train an epoch; what stopped it, if anything did on this side."""
    side.exchange.reset()
    try:
        side.train_epoch(news)
    except PeerLost:
        return None  # the other side knows why
    except StopTraining as stop:
        side.rendezvous.stop()
        return stop.status, str(stop)
    except Exception as error:
        side.rendezvous.stop()
        return "failed", f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    main()
