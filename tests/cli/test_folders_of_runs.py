"""A folder that holds runs but is none, given where one run is wanted: one line that names a run in it."""

import shutil
import sys

import pytest

from mnist_np.api import load_run
from mnist_np.cli.main import main
from mnist_np.component import UserError

SMALL = ["data=synthetic", "data.examples=64", "data.validation_size=16", "model.hidden=[4]", "training.epochs=1", "tracking=off"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    from mnist_np.cli.train import main as train

    outputs = tmp_path_factory.mktemp("swept") / "outputs"
    assert train([*SMALL, f"outputs={outputs}", "-m", "seed=0,1"]) == 0
    return outputs


@pytest.mark.parametrize("folder", ["the sweep", "outputs"])
@pytest.mark.parametrize(
    "words",
    [
        *(f"{verb} FOLDER" for verb in ("evaluate", "figures", "export", "rerun", "serve")),
        "predict FOLDER picture.png",
        f"train {' '.join(SMALL)} training.resume=FOLDER",
        f"train {' '.join(SMALL)} loss=distillation loss.teacher=FOLDER",
    ],
)
def test_a_sweep_is_no_run(words, folder, swept, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(swept, tmp_path / "outputs")
    (sweep,) = (tmp_path / "outputs").glob("sweeps/*")
    named = sweep.relative_to(tmp_path) if folder == "the sweep" else "outputs"
    monkeypatch.setattr(sys, "argv", ["mnist-np", *words.replace("FOLDER", str(named)).split()])
    assert main() == 2
    said = capfd.readouterr()
    first = min(path for path in sweep.relative_to(tmp_path).glob("seed=*"))
    assert said.err.endswith(f"{named}: is no run's folder, but holds 2 runs: name one, such as {first}\n")
    assert said.err.count("\n") == 1


def test_of_python_too(swept):
    with pytest.raises(UserError, match="holds 2 runs"):
        load_run(swept)


def test_an_empty_folder_and_a_run_without_its_config_are_still_told_as_such(swept, tmp_path):
    for name in ("empty", "lost"):
        (tmp_path / name).mkdir()
    (tmp_path / "lost" / "checkpoints").mkdir()
    for name in ("empty", "lost"):
        with pytest.raises(UserError) as told:
            assert load_run(tmp_path / name).experiment
        assert "holds" not in str(told.value)
