"""The other process: ``python -m mnist_np.training.parallel.worker PARENT`` trains its share whenever it is told to.

It ends when its standard input ends, so it does not outlive the process that started it: while waiting for that one in the
middle of a step it looks whether its parent is still PARENT, which it is told since that one may be gone before it can ask.
Stops are left to that process: it starts this one with all stop signals blocked (`interrupt.signals_blocked`).
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from contextlib import suppress

import numpy as np

from mnist_np.plugins import load_plugins
from mnist_np.training.events import StopTraining
from mnist_np.training.parallel.exchange import PeerLost
from mnist_np.training.parallel.rank import Answer, Memory, Rank
from mnist_np.training.parallel.shared import SharedArray
from mnist_np.training.progress import Progress


def main() -> None:
    """Read the plugins and the work, then one `Progress` after the other; give an `Answer` to each."""
    parent = int(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever is printed goes to standard error, not between the answers
    with suppress(EOFError, BrokenPipeError, pickle.UnpicklingError):  # the other process is gone, perhaps in mid-sentence
        load_plugins(pickle.load(sys.stdin.buffer))
        work, descriptions = pickle.load(sys.stdin.buffer)
        memory = Memory(*(SharedArray(*description) for description in descriptions))
        side = Rank(work.with_rows(memory.rows.array), memory, 1, gone=lambda: os.getppid() != parent)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while True:
                answers.write(pickle.dumps(epoch(side, pickle.load(sys.stdin.buffer))))


def epoch(side: Rank, news: Progress) -> Answer:
    """Train an epoch. Whatever happens, the share is then given back as it stands, and the answer says of which step it is."""
    side.exchange.reset()
    try:
        return Answer(side.train_epoch(news).step)
    except PeerLost:  # the other side knows why
        return Answer(side.after.step)
    except StopTraining as stop:
        side.rendezvous.stop()
        return Answer(side.after.step, (stop.status, str(stop)))
    except Exception as error:
        side.rendezvous.stop()
        traceback.print_exc()
        return Answer(side.after.step, error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
