"""``export --to onnx``: onnxruntime gives the network's own probabilities, for all that a saved network can have."""

import json
import sys

import numpy as np
import pytest
from test_inference import CASES, exported

from mnist_np.api import run
from mnist_np.commands import export
from mnist_np.data.sources import Arrays
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.activations import ReLU
from mnist_np.nn.mlp import MLP
from mnist_np.portable import onnx_model
from mnist_np.portable.onnx_model import write_onnx
from mnist_np.portable.program import ExportError
from mnist_np.storage.run_folder import RunFolder


@pytest.fixture
def onnxruntime():
    pytest.importorskip("onnx")
    return pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("parts", CASES, ids=str)
def test_the_probabilities_are_the_networks(parts, tmp_path, onnxruntime):
    data, weights, _ = exported(tmp_path, **parts)
    assert write_onnx(tmp_path / "model.onnx", weights) <= 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    images = (data.pixels.inverse(data.test.X) if not data.pixels.binary else data.test.X).astype(np.float32)
    (P,) = session.run(None, {"images": images})
    expected = weights.network.predict_proba(data.test.X)
    np.testing.assert_allclose(P, expected, atol=1e-5)
    assert session.run(None, {"images": images[:0]})[0].shape == (0, expected.shape[1])
    (one,) = session.run(None, {"images": images[:1]})
    np.testing.assert_allclose(one, expected[:1], atol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["class_names"]) == list(data.class_names)
    assert tuple(json.loads(about["image_shape"])) == data.image_shape


def test_a_network_of_ones_own_is_refused_by_name(tmp_path, onnxruntime):
    class Own(ReLU):
        pass

    _, weights, _ = exported(tmp_path)
    weights.network.layers[1].activation = Own()
    with pytest.raises(ExportError, match="Own is an activation of your own"):
        write_onnx(tmp_path / "model.onnx", weights)
    assert not (tmp_path / "model.onnx").exists()


def test_a_model_that_gives_something_else_is_not_written(tmp_path, onnxruntime, monkeypatch):
    _, weights, _ = exported(tmp_path, model=MLP(hidden=[8]))
    monkeypatch.setitem(onnx_model.FUNCTIONS, "relu", lambda g, Z: g.add("Tanh", Z))
    with pytest.raises(ExportError, match=r"differ by up to .* it is not written"):
        write_onnx(tmp_path / "model.onnx", weights)
    assert not (tmp_path / "model.onnx").exists()


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["export.py", *map(str, arguments)])
    return export.main()


def test_without_the_packages_one_line_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    exported(tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert call(monkeypatch, tmp_path, "--to", tmp_path / "a.onnx") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "ONNX needs the packages onnx and onnxruntime: python -m pip install" in line
    assert "[onnx]" in line


def test_the_command(tmp_path, monkeypatch, capsys, onnxruntime):
    run = tmp_path / "run"
    run.mkdir()
    exported(run)
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, run, "--to", "onnx") == 0
    assert (tmp_path / "model-run.onnx").is_file()
    assert "model-run.onnx" in capsys.readouterr().out
    assert call(monkeypatch, run, "--to", "onnx") == 2
    assert "is there already" in capsys.readouterr().err
    assert call(monkeypatch, run, "--to", "new.onnx") == 0
    assert call(monkeypatch, run, "--to", "missing/new.onnx") == 2
    assert "missing" in capsys.readouterr().err


def test_data_of_ones_own_are_where_the_run_says(tmp_path, monkeypatch, capsys, onnxruntime):
    rng, folder, file = np.random.default_rng(0), tmp_path / "run", tmp_path / "own.npz"
    X, y = rng.random((60, 5, 5)), np.arange(60) % 3
    np.savez(file, X=X, y=y)
    data = Arrays(file=str(file), validation_size=10)
    run(Experiment(model=MLP(hidden=[4]), data=data, training=Training(epochs=1)), [RunFolder(folder, figures=False)])
    assert call(monkeypatch, folder, "--to", tmp_path / "a.onnx") == 0
    np.savez(file, X=1 - X, y=y)
    assert call(monkeypatch, folder, "--to", tmp_path / "b.onnx") == 2
    assert "own.npz: the data are not those of the run" in capsys.readouterr().err
    file.unlink()
    assert call(monkeypatch, folder, "--to", tmp_path / "b.onnx") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "checked on the run's data, which cannot be read" in line
    assert str(file) in line
    assert not (tmp_path / "b.onnx").exists()
