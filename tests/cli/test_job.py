"""The way of a run from the command line: its data are loaded, its network is built and its teacher is applied once."""

from collections import Counter
from dataclasses import fields

import pytest
from filelock import FileLock

from mnist_np.data.sources import Data, Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.storage import teacher
from mnist_np.storage.checkpoint import CheckpointError
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.single import execute, prepare
from mnist_np.tracking.settings import Tracking

SMALL = ("data=synthetic", "tracking=off", "tracking.figures=false", "training.epochs=1")


@pytest.fixture
def counted(monkeypatch):
    """How often each expensive thing has been done."""
    counts = Counter()

    def count(owner, name):
        original = getattr(owner, name)

        def counting(*args, **kwargs):
            counts[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    count(Data, "load")
    count(MLP, "build")
    count(teacher, "add_teacher_targets")
    return counts


def test_one_run_does_everything_once(train, counted):
    assert train(*SMALL).code == 0
    assert counted == {"load": 1, "build": 1}


def test_distillation_applies_its_teacher_once(train, counted):
    train(*SMALL, "hydra.run.dir=teacher")
    counted.clear()
    assert train(*SMALL, "loss=distillation", "loss.teacher=teacher").code == 0
    assert counted == {"load": 1, "build": 2, "add_teacher_targets": 1}  # the teacher's network, and the run's own


def test_a_run_that_goes_on_does_everything_once(train, counted, tmp_path):
    goes_on = (*SMALL, "training.checkpoint_every_steps=3", "training.resume=auto", "hydra.run.dir=run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "figures").write_text("in the way")  # so that something is left to do, and the checkpoints stay
    assert train(*goes_on, "tracking.figures=true").code == 1
    (tmp_path / "run" / "figures").unlink()
    counted.clear()
    assert train(*goes_on).code == 0
    assert counted == {"load": 1, "build": 1}


def test_a_folder_that_another_process_took_meanwhile_is_left_alone(tmp_path):
    experiment = Experiment(data=Synthetic(examples=64, validation_size=16), training=Training(epochs=1))
    config = RunConfig(**{f.name: getattr(experiment, f.name) for f in fields(experiment)}, tracking=Tracking(backend="off"))
    job = prepare(config, tmp_path / "run")
    with FileLock(job.folder / "checkpoints" / ".lock"), pytest.raises(CheckpointError, match="another process"):
        execute(job)
    assert [path.name for path in job.folder.iterdir()] == ["checkpoints"]
    assert execute(job).status == "finished"
    assert not (job.folder / "checkpoints").exists()


def test_each_run_of_a_sweep_builds_its_network_once(train, counted):
    assert train("-m", *SMALL, "seed=1,2,3").code == 0
    assert counted["build"] == 3
