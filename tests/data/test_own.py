"""Data of one's own: the same images whatever form they come in, in an order that is always the same, and clear refusals."""

import gzip
import shutil

import numpy as np
import pytest
from PIL import Image

from mnist_np.cli.main import main
from mnist_np.component import ConfigError
from mnist_np.data import cache
from mnist_np.data.dataset import DataError
from mnist_np.data.own import Arrays, Folder, Table
from mnist_np.data.sources import IDX, MNIST

N = 60


def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def digits():
    """Some test images of MNIST as bytes, and their classes."""
    split = MNIST().load(rng()).test[:N]
    return np.round(split.X * 255).astype(np.uint8).reshape(-1, 28, 28), split.labels


def in_folders(folder, images, labels):
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        inner = folder / str(label)
        inner.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(inner / f"{i:03}.png")
    return folder


def in_table(path, images, labels, label="label"):
    lines = [",".join([label, *(f"p{i}" for i in range(images[0].size))])]
    lines += [",".join(map(str, [k, *image.ravel()])) for image, k in zip(images, labels, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def contents(data):
    """What a data set consists of, whatever the order."""
    rows = np.concatenate([np.c_[split.X, split.labels] for split in (data.train, data.val, data.test)])
    return np.array(sorted(map(tuple, np.round(rows * 255))))


def test_each_form_gives_the_same_images(digits, tmp_path):
    images, labels = digits
    np.savez(tmp_path / "a.npz", X=images, y=labels)
    np.savez(tmp_path / "b.npz", X=images.reshape(N, -1) / 255, y=labels.astype(str))
    np.savez_compressed(tmp_path / "c.npz", x=images[..., None].astype(np.int64), y=labels)
    table = in_table(tmp_path / "t.csv", images, labels)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    options = [Arrays(file=str(tmp_path / f"{name}.npz")) for name in "abc"]
    options += [Table(file=str(table)), Table(file=str(tmp_path / "t.csv.gz"))]
    options.append(Folder(folder=str(in_folders(tmp_path / "pictures", images, labels))))
    for option in options:
        data = option.load(rng())
        assert (len(data.test), len(data.val), len(data.train)) == (10, 8, 42), option
        assert data.class_names == tuple(map(str, np.unique(labels)))
        np.testing.assert_array_equal(contents(data), contents(options[0].load(rng())), str(option))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, bool, np.float32])
def test_images_of_0_and_1_are_black_and_white_whatever_their_type(digits, tmp_path, dtype):
    images, labels = digits
    np.savez(tmp_path / "a.npz", X=(images > 127).astype(dtype), y=labels)
    assert set(np.unique(contents(Arrays(file=str(tmp_path / "a.npz")).load(rng()))[:, :-1])) == {0, 255}


def test_both_splits_have_the_scale_of_both(digits, tmp_path):
    """Test images that are nearly black are no images from 0 to 1, where those trained on go up to 255."""
    images, labels = digits
    dark = np.minimum(images[:7], 1)
    np.savez(tmp_path / "a.npz", X_train=images, y_train=labels, X_test=dark.astype(np.int64), y_test=labels[:7])
    first, second = in_table(tmp_path / "t.csv", images, labels), in_table(tmp_path / "u.csv", dark, labels[:7])
    for option in (Arrays(file=str(tmp_path / "a.npz")), Table(file=str(first), test_file=str(second))):
        assert np.round(255 * option.load(rng()).test.X).max() == 1


def test_the_split_is_stratified_shuffled_and_always_the_same(tmp_path):
    labels = np.repeat([0, 1, 2], [30, 20, 10])  # sorted by class, as folders are
    images = np.arange(60, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    np.savez(tmp_path / "a.npz", X=images, y=labels)
    option = Arrays(file=str(tmp_path / "a.npz"), test_size=12, validation_size=12)
    data = option.load(rng())
    assert np.bincount(data.test.labels).tolist() == [6, 4, 2]
    assert len(np.unique(data.val.labels)) == 3, "the last ones are not all of one class"
    cache._last.clear()
    again = option.load(np.random.default_rng(5))
    np.testing.assert_array_equal(data.test.X, again.test.X)
    np.testing.assert_array_equal(data.train.X, again.train.X)
    assert len(np.unique(np.concatenate([split.X[:, 0] for split in (data.train, data.val, data.test)]))) == 60


def test_a_test_split_that_is_given_is_kept(digits, tmp_path):
    images, labels = digits
    np.savez(tmp_path / "a.npz", X_train=images, y_train=labels, X_test=images[:7], y_test=labels[:7])
    in_folders(tmp_path / "p" / "train", images, labels)
    in_folders(tmp_path / "p" / "test", images[:7], labels[:7])
    first, second = (
        in_table(tmp_path / "t.csv", images, labels, "what"),
        in_table(tmp_path / "u.csv", images[:7], labels[:7], "what"),
    )
    for option in (
        Arrays(file=str(tmp_path / "a.npz")),
        Folder(folder=str(tmp_path / "p")),
        Table(file=str(first), test_file=str(second), label="what"),
    ):
        data = option.load(rng())
        assert (len(data.test), len(data.val), len(data.train)) == (7, 10, 50), option
        test = np.c_[np.round(255 * data.test.X), [int(data.class_names[k]) for k in data.test.labels]]
        expected = np.c_[images[:7].reshape(7, -1), labels[:7]]
        np.testing.assert_array_equal(sorted(map(tuple, test)), sorted(map(tuple, expected)), str(option))


def test_classes_have_their_names(tmp_path):
    for i, name in enumerate(["zebra", "ape", "café"]):
        for k in range(4):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (9, 9), "white").save(tmp_path / name / f"{k}.jpg")
            image = Image.new("L", (40, 30), 255)
            image.paste(0, (5 + i, 5, 20 + i, 9 + k))
            image.save(tmp_path / name / f"{k}.jpg")
    (tmp_path / "ape" / ".DS_Store").write_text("x")
    (tmp_path / ".git").mkdir()
    data = Folder(folder=str(tmp_path), side=12, test_size=3).load(rng())
    assert data.class_names == ("ape", "café", "zebra")
    assert data.image_shape == (12, 12)
    numbers = np.array(["10", "9", "1"] * 8)
    np.savez(tmp_path / "n.npz", X=np.zeros((24, 2, 3)), y=numbers)
    assert Arrays(file=str(tmp_path / "n.npz")).load(rng()).class_names == ("1", "9", "10")
    np.savez(tmp_path / "f.npz", X=np.zeros((24, 2, 3)), y=numbers.astype(float))
    assert Arrays(file=str(tmp_path / "f.npz")).load(rng()).class_names == ("1", "9", "10")
    table = in_table(tmp_path / "t.csv", np.zeros((24, 2, 2), int), ["NA", "None", "x"] * 8)
    assert Table(file=str(table)).load(rng()).class_names == ("NA", "None", "x")


def test_a_changed_file_is_read_anew(digits, tmp_path):
    images, labels = digits
    folder = in_folders(tmp_path / "p", images, labels)
    before = Folder(folder=str(folder)).load(rng())
    first = next(folder.rglob("*.png"))
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(first)
    changed = Folder(folder=str(folder)).load(rng())
    assert before.sha256 != changed.sha256
    elsewhere = tmp_path / "q"
    folder.rename(elsewhere)
    assert Folder(folder=str(elsewhere)).load(rng()).sha256 == changed.sha256


def test_a_picture_moved_to_another_class_or_split_is_read_anew(digits, tmp_path):
    """Though the folder that it lies in has the same name there, and the pictures come in the same order."""
    images, _ = digits

    def save(*paths):
        for i, path in enumerate(paths):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[i]).save(tmp_path / path)

    save(*(f"a/ink/{i}.png" for i in range(6)), *(f"b/ink/{i}.png" for i in range(6, 9)))

    def labels():
        data = Folder(folder=str(tmp_path), test_size=2, validation_size=0).load(rng())
        return np.bincount(np.concatenate([data.train.labels, data.test.labels])).tolist()

    assert labels() == [6, 3]
    (tmp_path / "a/ink/5.png").rename(tmp_path / "b/ink/5.png")
    assert labels() == [5, 4]
    (tmp_path / "b").rename(tmp_path / "c")
    assert Folder(folder=str(tmp_path), test_size=2).load(rng()).class_names == ("a", "c")


X, Y = np.zeros((9, 2, 2)), np.arange(9) % 3
ARRAYS = {
    "no X": ({"y": Y}, "must hold X and y, or X_train"),
    "one split": ({"X_train": X, "y_train": Y}, "must hold X and y, or X_train"),
    "objects": ({"X": np.array([{}] * 9), "y": Y}, "holds Python objects"),
    "colours": ({"X": np.zeros((9, 2, 2, 3)), "y": Y}, "colour images as X.reshape(n, height, -1)"),
    "one-hot": ({"X": X, "y": np.zeros((9, 3))}, "and n classes, not (9, 2, 2) and (9, 3)"),
    "lengths": ({"X": X, "y": Y[:8]}, "holds 9 images and 8 classes"),
    "texts": ({"X": np.full((9, 2, 2), "a"), "y": Y}, "the pixels must be numbers"),
    "NaN": ({"X": X * np.nan, "y": Y}, "not finite"),
    "negative": ({"X": X - 1, "y": Y}, "they lie from -1 to -1"),
    "large": ({"X": X + 256, "y": Y}, "they lie from 256 to 256"),
    "not square": ({"X": np.zeros((9, 6)), "y": Y}, "give height and width"),
    "one class": ({"X": X, "y": Y * 0}, "at least two classes"),
    "empty": ({"X": X[:0], "y": Y[:0]}, "at least two classes"),
    "few": ({"X": X[:3], "y": Y[:3]}, "leaves too few"),
    "many classes": ({"X": np.zeros((600, 1, 1)), "y": np.arange(600)}, "600 classes are too many"),
    "nameless": ({"X": X, "y": np.array(["a", "", "b"] * 3)}, "example 1 has no class"),
    "a class that is no number": ({"X": X, "y": np.array([0, np.nan, 1] * 3)}, "example 1 has no class"),
    "new class": ({"X_train": X, "y_train": Y, "X_test": X, "y_test": Y + 1}, "no training example has the class '3'"),
    "sizes": ({"X_train": X, "y_train": Y, "X_test": np.zeros((9, 3, 3)), "y_test": Y}, "2 x 2 pixels, the test images 3 x 3"),
}


@pytest.mark.parametrize(("arrays", "message"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_cannot_be_used(arrays, message, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as error:
        Arrays(file=str(tmp_path / "a.npz")).load(rng())
    assert message in str(error.value)
    assert "a.npz" in str(error.value)


TABLES = {
    "empty": ("", "is no table in CSV"),
    "no label": ("a,b\n1,2\n", "has no column 'label' (data.label); columns: a, b"),
    "a text": ("label,p0\nx,1\ny,two\n", "column 'p0' has no number in row 3"),
    "a gap": ("label,p0,p1,p2,p3\nx,1,2,3,4\ny,1,,3,4\n", "column 'p1' has no number in row 3"),
    "no class": ("label,p0\nx,1\n,2\n", "example 1 has no class"),
    "no pixels": ("label\na\nb\n", "give height and width"),
    "not square": ("label,p0,p1\na,1,2\nb,1,2\n", "has images of 2 pixels: give height and width"),
}


@pytest.mark.parametrize(("text", "message"), TABLES.values(), ids=TABLES)
def test_tables_that_cannot_be_used(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError) as error:
        Table(file=str(tmp_path / "t.csv")).load(rng())
    assert message in str(error.value)


def test_folders_that_cannot_be_used(digits, tmp_path):
    def refused(message):
        with pytest.raises(DataError) as error:
            Folder(folder=str(tmp_path / "p")).load(rng())
        assert message in str(error.value)

    refused("there is no such folder")
    (tmp_path / "p").mkdir()
    refused("must have a folder for each class, at least two, not 0")
    in_folders(tmp_path / "p" / "training", *digits)
    refused("p: has the folders training: where they divide the examples, call them train and test")
    in_folders(tmp_path / "p" / "Test", *digits)
    refused("has the folders Test, training")
    shutil.rmtree(tmp_path / "p")
    in_folders(tmp_path / "p", *digits)
    (tmp_path / "p" / "empty").mkdir()
    refused("empty: the class has no pictures")
    (tmp_path / "p" / "empty" / "notes.txt").write_text("hello")
    refused("notes.txt: is no picture that can be read")


@pytest.mark.parametrize("kind", [Folder, Arrays, Table])
def test_where_it_lies_must_be_said(kind):
    with pytest.raises(ConfigError, match="must name"):
        kind().load(rng())


@pytest.mark.parametrize("kind", [Arrays, Table])
def test_a_missing_file_is_named(kind, tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.x: No such file"):
        kind(file=str(tmp_path / "nowhere.x")).load(rng())
    (tmp_path / "text.x").write_text("hello")
    with pytest.raises(DataError, match=r"text\.x"):
        kind(file=str(tmp_path / "text.x")).load(rng())


def test_convert_writes_what_idx_reads(digits, tmp_path, monkeypatch, capsys):
    folder = in_folders(tmp_path / "p", *digits)
    words = ["mnist-np", "convert", "data=folder", f"data.folder={folder}", "--to", str(tmp_path / "idx")]
    monkeypatch.setattr("sys.argv", words)
    assert main() == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 7
    assert shown[-2].startswith("50 training and 10 test images of the classes 0, 1")
    assert shown[-1].endswith(f"train data=idx data.folder={tmp_path / 'idx'} data.validation_size=8")
    before, after = Folder(folder=str(folder)).load(rng()), IDX(folder=str(tmp_path / "idx"), validation_size=8).load(rng())
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(before, split).X, getattr(after, split).X)
        np.testing.assert_array_equal(getattr(before, split).labels, getattr(after, split).labels)
    assert before.class_names == after.class_names


def test_it_trains_and_its_network_answers(digits, tmp_path, monkeypatch, capsys):
    folder = in_folders(tmp_path / "p", *digits)
    run = tmp_path / "outputs" / "run"
    words = [
        f"data.folder={folder}",
        "tracking=off",
        "model.hidden=[8]",
        f"outputs={tmp_path / 'outputs'}",
        f"hydra.run.dir={run}",
    ]
    monkeypatch.setattr("sys.argv", ["mnist-np", "train", "data=folder", "training.epochs=2", *words])
    assert main() == 0
    monkeypatch.setattr("sys.argv", ["mnist-np", "predict", str(run), str(next(folder.rglob("*.png")))])
    assert main() == 0
    monkeypatch.setattr("sys.argv", ["mnist-np", "evaluate", str(run)])
    assert main() == 0
    assert "train" in capsys.readouterr().out
