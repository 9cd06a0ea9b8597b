"""A small sweep of real runs on synthetic data, tracked in a real SQLite store."""

from __future__ import annotations

import itertools
from pathlib import Path

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.fingerprint import identify
from mnist_np.invocation import command
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS
from mnist_np.storage.run_folder import RunFolder
from mnist_np.sweep.folder import SweepFolder
from mnist_np.sweep.plan import Job
from mnist_np.sweep.publish import publish
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.values import title
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.sweep import SweepParent

ID = "0a1b2c3d"
NAME = "optimizer-width-seed"
KEYS = ["optimizer", "model.hidden", "seed"]
ARGV = ["-m", "training.epochs=3", "optimizer=sgd,adam", "model.hidden=[16],[32]", "seed=range(2)"]


def small(**changes) -> Experiment:
    """An experiment of milliseconds."""
    parts = {"model": MLP(hidden=[8]), "data": Synthetic(), "training": Training(epochs=3, batch_size=64)}
    return Experiment(**(parts | changes))


def open_parent(outputs: Path, register: str | None = None) -> SweepParent:
    return SweepParent.open(
        Tracking(register=register),
        outputs,
        ID,
        NAME,
        ["training.epochs=3"],
        KEYS,
        sweep_folder(outputs).path,
        command("train", *ARGV),
    )


def sweep_folder(outputs: Path) -> SweepFolder:
    folder = SweepFolder(outputs, NAME, ID)
    folder.path.mkdir(parents=True, exist_ok=True)
    return folder


def train(
    outputs: Path,
    parent_run_id: str,
    optimizer: str,
    width: int,
    seed: int,
    figures: bool = False,
    tracking: Tracking | None = None,
) -> Path:
    """One child, in its folder. ``figures`` are those of the run, and the pictures of its epochs."""
    model, training = MLP(hidden=[width]), Training(epochs=3)
    experiment = Experiment(model, optimizer=OPTIMIZERS[optimizer](), data=Synthetic(), training=training, seed=seed)
    varied = {"optimizer": optimizer, "model.hidden": f"[{width}]", "seed": str(seed)}
    identity = identify(experiment, experiment.load_data().sha256)
    job = Job(varied, identity.fingerprint, identity.group)
    path = sweep_folder(outputs).register(job)
    tags = {"sweep": ID, "sweep_role": "child"}
    tracking = tracking or Tracking(images="epochs" if figures else "off")
    run(experiment, [RunFolder(path, figures), MlflowObserver(tracking, outputs, path, title(varied), tags, parent_run_id)])
    return path


def run_sweep(outputs: Path, seeds: int = 2, figures: bool = False, register: str | None = None) -> SweepParent:
    """optimizer x width x seed, from the opening of the parent to its end."""
    parent = open_parent(outputs, register)
    for optimizer, width, seed in itertools.product(["sgd", "adam"], [16, 32], range(seeds)):
        train(outputs, parent.run_id, optimizer, width, seed, figures)
    report = report_of(outputs)
    publish(report, parent.folder, {})
    parent.finish(report, "FINISHED")
    return parent


def report_of(outputs: Path) -> SweepReport:
    return SweepReport(NAME, sweep_folder(outputs).children())
