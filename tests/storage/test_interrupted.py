"""Interrupted runs are found by what lies in their folders: the right one, the latest one, and none that is at work."""

import json

import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.fingerprint import identify
from mnist_np.nn.mlp import MLP
from mnist_np.storage.checkpoint import Checkpointer, CheckpointError, found
from mnist_np.storage.interrupted import choose, claim

EXPERIMENT = Experiment(model=MLP(hidden=[4]), data=Synthetic(examples=64, validation_size=16), training=Training(epochs=3))
IDENTITY = identify(EXPERIMENT, EXPERIMENT.load_data().sha256)


def interrupted_run(folder, experiment=EXPERIMENT):
    run(experiment, [Checkpointer(folder / "checkpoints")], interrupted=lambda: "now")
    return folder


@pytest.fixture
def outputs(tmp_path):
    """Three interrupted runs, the last of another seed, and a folder that is none."""
    interrupted_run(tmp_path / "runs/2026-01-01/first")
    interrupted_run(tmp_path / "runs/2026-01-02/second")
    interrupted_run(tmp_path / "runs/2026-01-03/other", Experiment(**vars(EXPERIMENT) | {"seed": 7}))
    (tmp_path / "runs/2026-01-04/empty").mkdir(parents=True)
    return tmp_path


def test_never_begins_anew(outputs):
    assert choose("never", outputs, outputs / "runs/2026-01-01/first", IDENTITY) is None


def test_auto_is_the_latest_of_this_very_config(outputs):
    chosen = choose("auto", outputs, outputs / "runs/today/new", IDENTITY)
    assert chosen.folder == outputs / "runs/2026-01-02/second"
    assert chosen.lock.is_locked


def test_auto_prefers_the_folder_that_it_would_write_into(outputs):
    folder = interrupted_run(outputs / "elsewhere")
    assert choose("auto", outputs, folder, IDENTITY).folder == folder


def test_auto_passes_over_runs_at_work_and_damaged_ones(outputs):
    second = claim(outputs / "runs/2026-01-02/second", IDENTITY.fingerprint)
    assert choose("auto", outputs, outputs / "new", IDENTITY).folder.name == "first"
    second.lock.release()
    for path in found(second.checkpoints):
        path.write_bytes(path.read_bytes()[:100])
    assert claim(second.folder, IDENTITY.fingerprint) is None


def test_auto_does_not_begin_in_the_folder_of_a_run_at_work(outputs):
    folder = interrupted_run(outputs / "elsewhere")
    lock = claim(folder, IDENTITY.fingerprint).lock
    with pytest.raises(CheckpointError, match=r"elsewhere.*another process is still at work"):
        choose("auto", outputs, folder, IDENTITY)
    lock.release()
    assert choose("auto", outputs, folder, IDENTITY).folder == folder


def test_auto_finds_none_where_there_is_none(outputs):
    assert choose("auto", outputs, outputs / "new", identify(EXPERIMENT, "0123")) is None
    assert choose("auto", outputs / "nowhere", outputs / "new", IDENTITY) is None


def test_a_run_is_named_by_its_folder_or_its_id(outputs):
    folder = outputs / "runs/2026-01-01/first"
    (folder / "tracking.json").write_text(json.dumps({"run_id": "abc"}))
    by_id = choose("abc", outputs, outputs / "new", IDENTITY)
    assert by_id.folder == folder
    with pytest.raises(CheckpointError, match="another process is still at work"):
        choose(str(folder), outputs, outputs / "new", IDENTITY)


def test_a_name_of_nothing_is_refused(outputs):
    with pytest.raises(ConfigError, match="must be auto, never, a run's folder, or the MLflow run id of a run under"):
        choose("abd", outputs, outputs / "new", IDENTITY)
    with pytest.raises(ConfigError, match=r"holds no checkpoint$"):
        choose(str(outputs / "runs/2026-01-04/empty"), outputs, outputs / "new", IDENTITY)
    (outputs / "runs/2026-01-04/empty/result.json").write_text('{"status": "finished"}')
    with pytest.raises(ConfigError, match=r"this run has ended \(finished\)"):
        choose(str(outputs / "runs/2026-01-04/empty"), outputs, outputs / "new", IDENTITY)
