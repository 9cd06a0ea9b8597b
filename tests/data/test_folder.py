"""Folders with MNIST's four files: whatever does not fit together is named."""

import gzip

import numpy as np
import pytest
from idx_files import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, arrays, idx, write_set

from mnist_np.data import folder
from mnist_np.data.dataset import DataError
from mnist_np.data.folder import find, load


@pytest.mark.parametrize("compress", [True, False])
def test_reads_any_image_size_and_number_of_classes(tmp_path, compress):
    written = write_set(tmp_path, compress, n=7, n_test=4, shape=(6, 3), classes=4)
    decoded = load(tmp_path)
    assert decoded.image_shape == (6, 3)
    assert (decoded.train.n_features, decoded.train.n_classes) == (18, 4)
    np.testing.assert_array_equal(decoded.train.X, written[TRAIN_IMAGES].reshape(7, 18).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(decoded.train.labels, written[TRAIN_LABELS])
    np.testing.assert_array_equal(decoded.test.Y, np.eye(4)[written[TEST_LABELS]])
    assert decoded.train.X.dtype == np.float32


def test_digest_does_not_depend_on_compression(tmp_path):
    write_set(tmp_path / "gz")
    write_set(tmp_path / "plain", compress=False)
    write_set(tmp_path / "other", seed=1)
    assert load(tmp_path / "gz").sha256 == load(tmp_path / "plain").sha256 != load(tmp_path / "other").sha256


@pytest.mark.parametrize(
    "names",
    [
        lambda name: name.replace("-idx", ".idx"),
        lambda name: f"emnist-letters-{name.replace('t10k', 'test')}.gz",
    ],
)
def test_finds_the_publishers_variants_of_the_names(tmp_path, names):
    for name, array in arrays().items():
        path = tmp_path / names(name)
        path.write_bytes(gzip.compress(idx(array)) if path.suffix == ".gz" else idx(array))
    assert len(load(tmp_path).train) == 20


def fault(folder):
    with pytest.raises(DataError) as caught:
        load(folder)
    return str(caught.value)


def test_no_folder(tmp_path):
    assert fault(tmp_path / "no") == f"data.folder = {tmp_path / 'no'}: there is no such folder"
    (tmp_path / "file").write_text("")
    assert fault(tmp_path / "file") == f"data.folder = {tmp_path / 'file'}: is not a folder"


def test_missing_file(tmp_path):
    write_set(tmp_path)
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    assert fault(tmp_path) == f"{tmp_path}: expected one file {TEST_LABELS} (or {TEST_LABELS}.gz), found no such file"


def test_several_files(tmp_path):
    for prefix in ("emnist-letters", "emnist-digits"):
        (tmp_path / f"{prefix}-{TRAIN_IMAGES}").write_bytes(b"")
    with pytest.raises(DataError, match=f"found several: emnist-digits-{TRAIN_IMAGES}, emnist-letters-{TRAIN_IMAGES}"):
        find(tmp_path, TRAIN_IMAGES)


FAULTS = {
    "fewer labels": (
        {TRAIN_LABELS: np.zeros(19)},
        TRAIN_LABELS,
        f"expected 20 labels, as there are images in {TRAIN_IMAGES}, found 19",
    ),
    "more test labels": (
        {TEST_LABELS: np.zeros(9)},
        TEST_LABELS,
        f"expected 8 labels, as there are images in {TEST_IMAGES}, found 9",
    ),
    "other test images": (
        {TEST_IMAGES: np.zeros((8, 4, 5))},
        TEST_IMAGES,
        f"expected images of 5 x 4 pixels as in {TRAIN_IMAGES}, found 4 x 5",
    ),
    "unknown test label": (
        {TEST_LABELS: [0, 1, 2, 7, 0, 0, 0, 9]},
        TEST_LABELS,
        "expected labels from 0 to 2, found 7 at example 3",
    ),
    "one class": (
        {TRAIN_LABELS: np.zeros(20), TEST_LABELS: np.zeros(8)},
        TRAIN_LABELS,
        "expected at least two classes, found the label 0 only",
    ),
    "labels for images": (
        {TRAIN_IMAGES: np.zeros(20)},
        TRAIN_IMAGES,
        "expected images (IDX magic 0x00000803), found labels (IDX magic 0x00000801)",
    ),
}


@pytest.mark.parametrize(("changed", "name", "message"), FAULTS.values(), ids=FAULTS)
def test_files_that_do_not_fit_together(tmp_path, changed, name, message):
    write_set(tmp_path, compress=False)
    for file, array in changed.items():
        (tmp_path / file).write_bytes(idx(array))
    assert fault(tmp_path) == f"{tmp_path / name}: {message}"


def test_label_beyond_the_known_classes(tmp_path):
    write_set(tmp_path, compress=False, classes=4)
    with pytest.raises(DataError, match="expected labels from 0 to 2, found 3 at example 3"):
        load(tmp_path, n_classes=3)


def test_changed_content_where_the_original_is_expected(tmp_path):
    write_set(tmp_path)
    with pytest.raises(DataError, match=rf"{TRAIN_LABELS}.gz: expected the original file \(SHA-256 0123\), found a changed one"):
        load(tmp_path, expected={TRAIN_LABELS: "0123"})


def test_broken_symlinks_are_named(tmp_path):
    write_set(tmp_path)
    (tmp_path / f"{TRAIN_LABELS}.gz").unlink()
    (tmp_path / TRAIN_LABELS).symlink_to(TRAIN_LABELS)
    assert fault(tmp_path) == f"{tmp_path / TRAIN_LABELS}: Too many levels of symbolic links"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    write_set(tmp_path, n=33)
    read = folder.read_file

    def changed(path):
        write_set(tmp_path, n=33, seed=5)
        return read(path)

    monkeypatch.setattr(folder, "read_file", changed)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\S*: was changed while it was read"):
        load(tmp_path)
