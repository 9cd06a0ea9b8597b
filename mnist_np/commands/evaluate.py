"""Loss and accuracy of a trained network, on the data that it was trained for or on other data of the same kind.

python scripts/evaluate.py RUN [--data FOLDER]
"""

from __future__ import annotations

import math
from pathlib import Path
from textwrap import shorten

import numpy as np
from rich.console import Console
from rich.table import Table

from mnist_np.commands.saved import parser, plugins, reports_user_errors, saved_weights
from mnist_np.data.dataset import Split
from mnist_np.data.folder import load
from mnist_np.data.preprocess import apply
from mnist_np.data.sources import class_names
from mnist_np.storage.saved_run import SavedRunError
from mnist_np.storage.weights import Weights
from mnist_np.terminal import printable
from mnist_np.training.evaluation import evaluate


@reports_user_errors
def main() -> int:
    """Print the table for the run that ``sys.argv`` names. Gives the exit code."""
    arguments = parser(__doc__, "a run's folder, its MLflow run id, or a weights file")
    arguments.add_argument(
        "--data", type=Path, metavar="FOLDER", help="a folder with MNIST's four files (default: the run's data)"
    )
    chosen = arguments.parse_args()
    plugins(chosen)
    console = Console(highlight=False)
    with saved_weights(chosen.run, chosen.outputs, chosen.uri) as weights:
        splits = others(weights, chosen.data) if chosen.data else own(weights, console)
        console.print(table(weights, splits))
    return 0


def own(weights: Weights, console: Console) -> dict[str, Split]:
    """The splits of the data that the network was trained for. Says so if they are not what they were."""
    data = weights.experiment.load_data()
    then = weights.about.get("data")
    if isinstance(then, dict) and then.get("sha256") != data.sha256:
        before = printable(shorten(str(then.get("sha256")), 80))
        message = f"the data are not those of the run: SHA-256 {before} then, {data.sha256} now"
        console.print(message, style="yellow", markup=False, soft_wrap=True)
    fitting(weights, data.image_shape, data.class_names, data.source)
    return {name: split for name, split in (("train", data.train), ("val", data.val), ("test", data.test)) if len(split)}


def others(weights: Weights, folder: Path) -> dict[str, Split]:
    """The splits of the data set in ``folder``, their pixels prepared as this network is used to."""
    decoded = load(folder, weights.network.n_out)
    fitting(weights, decoded.image_shape, class_names(folder, weights.network.n_out), str(folder))
    return {name: apply(weights.pixels, split) for name, split in (("train", decoded.train), ("test", decoded.test))}


def fitting(weights: Weights, shape: tuple[int, int], class_names: tuple[str, ...], source: str) -> None:
    """Raise SavedRunError unless images and classes are those of the network."""
    if misfit := weights.misfit(shape, class_names):
        raise SavedRunError(printable(f"{source}: {misfit}"))


def table(weights: Weights, splits: dict[str, Split]) -> Table:
    """A row for each split."""
    made = Table("split", "images", "loss", "accuracy", "error", "wrong", box=None)
    for column in made.columns[1:]:
        column.justify = "right"
    for name, split in splits.items():
        with np.errstate(all="ignore"):
            found = evaluate(weights.network, split, weights.experiment.loss)
        if not math.isfinite(found.loss):
            raise SavedRunError(f"the loss on the {name} split is not a finite number: the network's weights are too large")
        wrong = round((1 - found.accuracy) * len(split))
        made.add_row(
            name, f"{len(split):,}", f"{found.loss:.4f}", f"{found.accuracy:.2%}", f"{1 - found.accuracy:.2%}", f"{wrong:,}"
        )
    return made
