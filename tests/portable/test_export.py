"""The exported folder works where this project is not, alone and as a model of MLflow."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.commands import export
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.portable.card import card
from mnist_np.storage.run_folder import RunFolder
from mnist_np.storage.saved_run import SavedRun


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run's folder and its result."""
    folder = tmp_path_factory.mktemp("run")
    experiment = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=2, batch_size=64))
    return folder, run(experiment, [RunFolder(folder, figures=False)])


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["export.py", *map(str, arguments)])
    return export.main()


@pytest.fixture
def exported(trained, tmp_path, monkeypatch):
    assert call(monkeypatch, trained[0], "--to", tmp_path / "model") == 0
    return tmp_path / "model"


def elsewhere(code, folder, *arguments):
    """What ``code`` prints, and nothing beside it, in a process that cannot import this project."""
    hidden = "import sys; sys.modules['mnist_np'] = None; import numpy as np; X = np.load(sys.argv[2]); "
    command = [sys.executable, "-c", hidden + code, str(folder), *map(str, arguments)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)
    assert said.returncode == 0, said.stderr
    assert not said.stderr
    return json.loads(said.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "sys.path.insert(0, sys.argv[1] + '/code'); from mnist_np_inference import Network; "
        "print(Network(sys.argv[1] + '/model.safetensors').predict_proba(X).tolist())",
        "import mlflow.pyfunc; print(mlflow.pyfunc.load_model(sys.argv[1]).predict(X).tolist())",
    ],
    ids=["alone", "mlflow"],
)
def test_it_gives_the_same_probabilities_without_this_project(code, exported, trained, tmp_path):
    _, result = trained
    np.save(tmp_path / "X.npy", result.data.test.X)
    P = elsewhere(code, exported, tmp_path / "X.npy")
    np.testing.assert_allclose(P, result.network.predict_proba(result.data.test.X), atol=1e-6)


def test_the_card_says_how_good_it_is(exported, trained):
    _, result = trained
    text = (exported / "README.md").read_text()
    assert text.startswith("# synthetic: 64-8-4 relu\n")
    assert f"{result.metrics['test/accuracy']:.4f}" in text
    assert "512 train, 128 val, 128 test" in text
    assert "| class | examples | precision | recall | f1 |" in text
    for row in result.classes:
        assert f"| {row['class']} | {row['examples']} | {row['precision']:.4f} |" in text
    assert "0, 1, 2, 3. It cannot say" in text


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("val/accuracy", "by whose accuracy the epoch was chosen"),
        ("val/loss", "by whose loss the epoch was chosen"),
        ("last", "by which no epoch was chosen (the last one's weights are kept)"),
    ],
)
def test_the_card_says_how_the_epoch_was_chosen(trained, select, words):
    """Below the table, which is of the test split."""
    saved = SavedRun("run", trained[0])
    experiment = replace(saved.weights.experiment, training=Training(select=select))
    line = f"On the validation split, {words}: accuracy {saved.metrics['best/val_accuracy']:.4f}."
    text = card(saved, replace(saved.weights, experiment=experiment))
    assert line in text.splitlines()
    assert text.count("alidation") == 1


def test_nothing_in_it_is_a_pickle(exported):
    assert {file.suffix for file in exported.rglob("*.*")} == {".py", ".safetensors", ".json", ".yaml", ".csv", ".txt", ".md"}


def test_a_folder_that_is_there_is_left_alone(exported, trained, monkeypatch, capsys):
    assert call(monkeypatch, trained[0], "--to", exported) == 2
    assert "is there already; give a new folder with --to" in capsys.readouterr().err


def test_a_run_without_weights_is_told_plainly(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    assert call(monkeypatch, tmp_path / "empty", "--to", tmp_path / "model") == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "model").exists()
