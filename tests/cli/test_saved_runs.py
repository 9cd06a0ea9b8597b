"""evaluate, and what all commands on finished runs do with weights and configs of others, called as a person calls them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mnist_np.commands import evaluate, predict, rerun
from mnist_np.storage.tensorfile import open_tensors, write_tensors

SCRIPTS = Path(__file__).parents[2] / "scripts"
BAD = {
    "config.yaml: optimizer.lr = -1.0: must be > 0": {"optimizer": {"name": "sgd", "lr": -1.0}},
    "config.yaml: it is not a mapping": [1, 2],
    "known keys": {"optimzer": {"name": "sgd"}},
}


@pytest.mark.parametrize(("message", "config"), BAD.items(), ids=list(BAD))
def test_a_config_of_others_is_checked_like_any(message, config, mnist, call):
    (mnist / "config.yaml").write_text(yaml.safe_dump(config))
    assert message in call(rerun, mnist, code=2)


@pytest.mark.parametrize("content", ["!!python/object/apply:os.system ['true']", "a: &a [*a]", "{", "a" * 2_000_000])
def test_yaml_of_others_runs_nothing(content, mnist, call):
    (mnist / "config.yaml").write_text(content)
    assert "config.yaml" in call(rerun, mnist, code=2)


def test_evaluate_tells_of_all_splits(outputs, call):
    said = call(evaluate, outputs / "runs/today/mnist")
    result = json.loads((outputs / "runs/today/mnist/result.json").read_text())["metrics"]
    test = f"test 10,000 {result['test/loss']:.4f} {result['test/accuracy']:.2%} {result['test/error']:.2%}"
    assert test in said
    assert f"val 10,000 {result['best/val_loss']:.4f} {result['best/val_accuracy']:.2%}" in said
    assert "train 3,000" in said


def test_evaluate_on_the_files_of_a_folder(outputs, call):
    folder = Path(__file__).parents[2] / "mnist_np/data/mnist"
    said = call(evaluate, outputs / "runs/today/mnist/weights.safetensors", "--data", folder)
    result = json.loads((outputs / "runs/today/mnist/result.json").read_text())["metrics"]
    assert f"test 10,000 {result['test/loss']:.4f} {result['test/accuracy']:.2%}" in said
    other = call(evaluate, outputs / "runs/today/tracked", "--data", folder, code=2)
    assert "train-labels-idx1-ubyte.gz: expected labels from 0 to 3, found 5 at example 0" in other


@pytest.mark.parametrize("names", ["0123456789", "abcdefghij", "bcdefghija"])
def test_evaluate_compares_the_names_of_classes(names, outputs, call, tmp_path):
    """Where both the network and the folder have some: a class of another name is not the network's of that number."""
    run, folder = shutil.copytree(outputs / "runs/today/mnist", tmp_path / "run"), tmp_path / "folder"
    file = open_tensors(run / "weights.safetensors")
    write_tensors(file.path, file.about | {"class_names": list("abcdefghij")}, file.arrays())
    shutil.copytree(Path(__file__).parents[2] / "mnist_np/data/mnist", folder)
    (folder / "classes.txt").write_text("\n".join(names))
    fits = names != "bcdefghija"
    said = call(evaluate, run, "--data", folder, code=0 if fits else 2)
    found = "test 10,000" if fits else "has the classes b, c, d, e, f, g, h, i, j, a, the network is for the classes a, b, c, d"
    assert found in said


def test_names_do_nothing_to_the_terminal(outputs, digits, tmp_path, monkeypatch, capsys):
    """Neither a picture's, nor a class's, nor a file's that cannot be read."""
    images, _ = digits
    run = shutil.copytree(outputs / "runs/today/mnist", tmp_path / "run")
    file = open_tensors(run / "weights.safetensors")
    write_tensors(file.path, file.about | {"class_names": [f"\x1b[3{k}m[red]{k}" for k in range(10)]}, file.arrays())
    good, bad = tmp_path / "\x1b[2J\u202egood.png", tmp_path / "\x1b]0;title\x07bad.png"
    Image.fromarray(images[0]).save(good)
    bad.write_text("no picture")
    monkeypatch.setattr(sys, "argv", ["predict", str(run), str(good), str(bad)])
    assert predict.main() == 2
    said = capsys.readouterr()
    assert not set("\x1b\x07\u202e") & set(said.out + said.err)
    assert r"\x1b[2J\u202egood.png" in said.out
    assert r"\x1b[37m[red]7" in said.out
    assert r"\x1b]0;title\x07bad.png: is no picture" in said.err


@pytest.mark.parametrize(("value", "message"), [(np.nan, "weights: must be finite numbers"), (1e38, "weights are too large")])
@pytest.mark.parametrize("command", [evaluate, predict])
def test_weights_that_give_no_numbers_are_refused(value, message, command, mnist, digits, call, tmp_path):
    images, _ = digits
    Image.fromarray(images[0]).save(tmp_path / "digit.png")
    file = open_tensors(mnist / "weights.safetensors")
    arrays = file.arrays()
    arrays["W1"] = np.full_like(arrays["W1"], value)
    arrays["W2"] = np.full_like(arrays["W2"], 1e38)
    write_tensors(file.path, file.about, arrays)
    arguments = [tmp_path / "digit.png"] if command is predict else []
    said = call(command, mnist, *arguments, code=2)
    assert message in said
    assert "%" not in said


def test_weights_that_ask_for_a_huge_data_set_are_refused(outputs, call, tmp_path):
    file = open_tensors(outputs / "runs/today/tracked/weights.safetensors")
    experiment = file.about["experiment"]
    for size in (10**8, 10**19, int("9" * 4000)):
        about = file.about | {"experiment": experiment | {"data": experiment["data"] | {"examples": size}}}
        write_tensors(tmp_path / "weights.safetensors", about, file.arrays())
        said = call(evaluate, tmp_path / "weights.safetensors", code=2)
        assert "data.examples" in said
        assert len(said) < 500


@pytest.mark.parametrize("name", ["rerun", "evaluate", "predict"])
def test_help(name):
    done = subprocess.run(
        [sys.executable, SCRIPTS / f"{name}.py", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert f"python scripts/{name}.py RUN" in done.stdout
