"""predict: classes of pictures, called as a person calls it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_np.commands import predict
from mnist_np.storage.weights import load_weights


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
