"""Starting the real command line in processes of its own, to be killed."""

import subprocess
import sys
from pathlib import Path

TRAIN = Path(__file__).parents[2] / "scripts" / "train.py"

EVERYTHING_ON = [
    *("data=synthetic", "data.examples=6000", "data.side=12", "seed=5", "tracking.figures=false"),
    *("model.hidden=[96,32]", "model.dropout=0.2", "model.norm=batch", "optimizer=adam", "schedule=cosine", "augment=affine"),
    *("training.ema=0.99", "training.mixup=0.2", "training.select=last", "training.batch_size=100", "training.epochs=4"),
    "training.checkpoint_every_steps=9",
]
"""All that remembers and all that is random takes part, for a second or two."""


def train(outputs: Path, *overrides: str) -> list[str]:
    """The command line of a run whose results go to ``outputs``."""
    return [sys.executable, str(TRAIN), f"outputs={outputs}", *overrides]


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """A process of ``command``, to be killed: nobody listens to it."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(command: list[str], code: int = 0) -> str:
    """What ``command`` says, which must end with this exit code."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout
    return done.stdout
