"""rerun, evaluate and predict: what can be done with a run that is over, called as a person calls them."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mnist_np.cli.train import main as train
from mnist_np.commands import evaluate, predict, rerun
from mnist_np.experiment import Experiment
from mnist_np.storage.tensorfile import open_tensors, write_tensors
from mnist_np.storage.weights import load_weights
from mnist_np.training import auto_mode

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of two runs: one on MNIST without a tracker, one tracked."""
    folder = tmp_path_factory.mktemp("outputs")
    arguments = [f"outputs={folder}", "tracking.figures=false", "training.epochs=2"]
    assert train([*arguments, "data.train_size=3000", "tracking=off", f"hydra.run.dir={folder}/runs/today/mnist"]) == 0
    assert train([*arguments, "data=synthetic", "model.dropout=0.1", f"hydra.run.dir={folder}/runs/today/tracked"]) == 0
    return folder


@pytest.fixture
def mnist(outputs, tmp_path):
    """A copy of the run on MNIST, to be spoilt."""
    return shutil.copytree(outputs / "runs/today/mnist", tmp_path / "mnist")


@pytest.fixture
def call(monkeypatch, capsys):
    def call(command, *arguments, code=0):
        monkeypatch.setattr(sys, "argv", [command.__name__, *map(str, arguments)])
        assert command.main() == code
        done = capsys.readouterr()
        return " ".join((done.out + done.err).split())

    return call


def test_a_rerun_has_the_same_bits(outputs, call):
    said = call(rerun, outputs / "runs/today/tracked", "--outputs", outputs)
    assert "the weights are identical to the bit" in said
    (again,) = outputs.glob("reruns/*/weights.safetensors")
    assert again.read_bytes() == (outputs / "runs/today/tracked/weights.safetensors").read_bytes()


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="two processes need x86's memory order")
def test_a_rerun_keeps_the_mode(call, tmp_path, monkeypatch):
    folder, cores = tmp_path / "run", iter([2, 1])
    monkeypatch.setattr(auto_mode, "pays", lambda *_: True)
    monkeypatch.setattr(auto_mode, "is_free", lambda: next(cores) > 1)
    small = ["data=synthetic", "training.epochs=1", "tracking=off", "tracking.figures=false", "model.hidden=[20,8]"]
    assert train([*small, f"outputs={tmp_path}", f"hydra.run.dir={folder}"]) == 0
    said = call(rerun, folder, "--outputs", tmp_path)
    assert "2 processes, 1 BLAS thread each" in said
    assert "mode.processes" not in said
    assert "identical to the bit" in said
    assert "mode.processes: 2 then, 1 now" in call(rerun, folder, "--outputs", tmp_path, "--threads", "1", code=1)


def test_a_run_that_only_mlflow_has_is_rerun_from_what_mlflow_holds(outputs, call, tmp_path):
    run_id = json.loads((outputs / "runs/today/tracked/tracking.json").read_text())["run_id"]
    for part in outputs.glob("mlflow.db*"):  # with its write-ahead log
        shutil.copy(part, tmp_path)
    assert "the weights are identical to the bit" in call(rerun, run_id, "--outputs", tmp_path)
    assert "Run with id=0123 not found" in call(rerun, "0123", "--outputs", tmp_path, code=2)
    assert "no run's folder, and no MLflow run id" in call(rerun, "0123", "--outputs", tmp_path / "nowhere", code=2)
    assert not (tmp_path / "nowhere").exists()


def test_a_rerun_says_what_is_not_as_it_was(mnist, call, tmp_path):
    result = json.loads((mnist / "result.json").read_text())
    result["versions"]["numpy"] = "1.0"
    result["inputs"]["data_sha256"] = "0123"
    result["code_sha256"] = "9" * 64
    result["git"] = {"commit": "4567", "dirty": True}
    (mnist / "result.json").write_text(json.dumps(result))
    said = call(rerun, mnist, "--outputs", tmp_path)
    then = ("versions.numpy: 1.0", "the data's SHA-256: 0123", "the numeric code: 999999999999...", "git.commit: 4567")
    for line in (*(f"{line} then," for line in then), "uncommitted changes then"):
        assert line in said


def test_a_rerun_that_comes_to_something_else_says_how_far_off_it_is(mnist, call, tmp_path):
    file = open_tensors(mnist / "weights.safetensors")
    arrays = file.arrays()
    arrays["W2"] = arrays["W2"].copy()
    arrays["W2"][3, 4] += 0.25
    write_tensors(file.path, file.about, arrays)
    said = call(rerun, mnist, "--outputs", tmp_path, code=1)
    assert "the weights differ, by 0.25 at most; no metric does" in said
    history = (mnist / "history.csv").read_text().splitlines()
    history[2] = history[2].replace("0.", "0.9", 1)
    (mnist / "history.csv").write_text("\n".join(history))
    assert "the metrics from epoch 2 on" in call(rerun, mnist, "--outputs", tmp_path, code=1)


def test_a_run_that_was_cut_off_is_compared_as_far_as_it_came(mnist, call, tmp_path):
    (mnist / "result.json").unlink()
    said = call(rerun, mnist, "--outputs", tmp_path)
    assert "the run left no result.json" in said
    assert "the run was cut off after 2 epochs: those are the same to the last digit" in said


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


@pytest.fixture(scope="module")
def digits():
    """Test images of MNIST, as bytes, with their labels."""
    test = Experiment().load_data().test[:100]
    return np.round(test.X.reshape(-1, 28, 28) * 255).astype(np.uint8), test.labels


def test_predict_reads_pictures_and_idx_files_alike(outputs, call, digits, tmp_path):
    images, _ = digits
    run = outputs / "runs/today/mnist"
    Image.fromarray(images[0]).save(tmp_path / "first.png")
    idx = Path(__file__).parents[2] / "mnist_np/data/mnist/t10k-images-idx3-ubyte.gz"
    said = call(predict, run, tmp_path / "first.png", idx, "--limit", 3)
    row = said.split("first.png ")[1].split(" t10k")[0]
    assert f"t10k-images-idx3-ubyte.gz[0] {row}" in said
    assert "gz[2]" in said
    assert "gz[3]" not in said


def test_predict_finds_the_digit_in_a_photograph_of_it(outputs, digits, tmp_path):
    """Dark gray on a bright, unevenly lit page, larger and off the middle: about as good as the images themselves."""
    images, labels = digits
    rng = np.random.default_rng(0)
    right = {"image": 0, "photograph": 0}
    weights = load_weights(outputs / "runs/today/mnist/weights.safetensors")
    for image, label in zip(images, labels, strict=True):
        large = np.asarray(Image.fromarray(image).resize((190, 190), Image.Resampling.BICUBIC), float)
        page = 215 + 20 * np.linspace(0, 1, 300)[None, :] * np.ones((400, 1))
        top, left = rng.integers(0, 210), rng.integers(0, 110)
        page[top : top + 190, left : left + 190] -= 0.75 * large
        Image.fromarray(page.astype(np.uint8)).save(tmp_path / "photograph.png")
        Image.fromarray(image).save(tmp_path / "image.png")
        for name in right:
            ((_, found),) = predict.images(tmp_path / f"{name}.png", (28, 28), 1, False)
            right[name] += weights.network.predict(weights.pixels(found.reshape(1, -1)))[0] == label
    assert right["image"] >= 88
    assert right["photograph"] >= right["image"] - 3


def test_predict_tells_what_it_cannot_read(outputs, call, tmp_path):
    run = outputs / "runs/today/mnist"
    (tmp_path / "note.png").write_text("no picture")
    Image.new("L", (50, 50), 128).save(tmp_path / "empty.png")
    Image.new("L", (50, 50)).save(tmp_path / "other.png")
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:900])
    messages = {
        "note.png": "is no picture that can be read",
        "empty.png": "is empty: all of it is of one brightness",
        "huge.png": "9000 x 9000 pixels are too many",
        "cut.png": "cannot be read",
        "nowhere.png": "No such file",
    }
    for name, message in messages.items():
        assert message in call(predict, run, tmp_path / name, code=2), name
    assert "is 50 x 50 pixels, the network sees 28 x 28" in call(predict, run, "--as-is", tmp_path / "other.png", code=2)


def test_predict_answers_what_it_can_read(outputs, call, digits, tmp_path):
    images, _ = digits
    (tmp_path / "note.png").write_text("no picture")
    Image.fromarray(images[0]).save(tmp_path / "digit.png")
    said = call(predict, outputs / "runs/today/mnist", tmp_path / "note.png", tmp_path / "digit.png", code=2)
    assert "note.png: is no picture that can be read" in said
    assert "digit.png 7" in said


def test_predict_shows_what_the_network_sees(outputs, call, tmp_path):
    page = np.full((40, 40), 255, np.uint8)
    page[10:30, 18:22] = 0
    Image.fromarray(page).save(tmp_path / "one.png")
    said = call(predict, outputs / "runs/today/mnist", tmp_path / "one.png")
    assert "@@" not in said
    shown = call(predict, outputs / "runs/today/mnist", tmp_path / "one.png", "--show")
    assert shown.split().count("@" * 8) == 20, "a stroke of 20 by 4 pixels, two characters for each"
    ((_, image),) = predict.images(tmp_path / "one.png", (28, 28), 1, False)
    assert predict.drawn(image).splitlines() == [" " * 24 + "@" * 8] * 20
    assert predict.drawn(np.full((2, 3), 0.5, np.float32)) == "======\n======"
    assert predict.drawn(np.zeros((28, 28), np.float32)) == ""


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "9" * 5000])
def test_predict_takes_no_odd_limit(limit, outputs, digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["predict", str(outputs / "runs/today/mnist"), "x.png", "--limit", limit])
    with pytest.raises(SystemExit) as caught:
        predict.main()
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "argument --limit: must be a whole number from 1 on, not" in last
    assert len(last) < 200


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
