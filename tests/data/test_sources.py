"""The data sets that a config can name."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_set
from peak_memory import answer

import mnist_np.data
from mnist_np.component import ConfigError
from mnist_np.data import fashion, sources
from mnist_np.data.dataset import DataError
from mnist_np.data.sources import DATASETS, IDX, MNIST, FashionMNIST, Synthetic

EMBEDDED = Path(mnist_np.data.__file__).parent / "mnist"


def rng():
    return np.random.default_rng(0)


def test_mnist_is_mnist():
    data = MNIST().load(rng())
    assert (len(data.train), len(data.val), len(data.test)) == (50_000, 10_000, 10_000)
    assert (data.image_shape, data.n_features, data.n_classes) == ((28, 28), 784, 10)
    assert data.class_names == tuple("0123456789")
    np.testing.assert_array_equal(np.bincount(data.test.labels), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    raw = gzip.decompress((EMBEDDED / "train-images-idx3-ubyte.gz").read_bytes())
    last = np.frombuffer(raw, np.uint8)[-784:]
    np.testing.assert_array_equal(data.val.X[-1] * 255, last)
    assert (data.train.X.min(), data.train.X.max()) == (0, 1)
    mean = (5 * data.train.X.mean(dtype=float) + data.val.X.mean(dtype=float)) / 6
    assert mean == pytest.approx(0.1307, abs=5e-5)  # as everybody quotes it


def test_mnist_is_checked_against_its_published_hashes(monkeypatch):
    monkeypatch.setenv("MNIST_NP_CACHE", "off")
    monkeypatch.setitem(sources.MNIST_SHA256, "t10k-labels-idx1-ubyte", "0" * 64)
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: expected the original file \(SHA-256 0000"):
        MNIST().load(rng())


def test_arrays_are_read_only():
    data = Synthetic().load(rng())
    for split in (data.train, data.val, data.test):
        with pytest.raises(ValueError, match="read-only"):
            split.X[0, 0] = 1


def test_runs_in_one_process_share_the_data():
    first = Synthetic(train_size=100).load(rng())
    assert Synthetic(train_size=100).load(rng()) is first
    assert Synthetic(train_size=100).load(np.random.default_rng(1)) is not first
    assert Synthetic(train_size=101).load(rng()) is not first
    assert Synthetic().load(rng()) is Synthetic().load(np.random.default_rng(1))


def test_idx_takes_sizes_and_classes_from_the_files(tmp_path):
    write_set(tmp_path / "letters", n=40, shape=(6, 5), classes=4)
    data = IDX(folder=str(tmp_path / "letters"), validation_size=10).load(rng())
    assert (data.name, data.image_shape, data.n_classes) == ("letters", (6, 5), 4)
    assert (len(data.train), len(data.val), len(data.test)) == (30, 10, 8)
    assert data.source == str(tmp_path / "letters")


def test_idx_needs_a_folder():
    with pytest.raises(ConfigError, match=r"data.folder = None: must name the folder with the files train-images-idx3-ubyte, "):
        IDX().load(rng())


def test_fashion_mnist_has_names(tmp_path, monkeypatch):
    write_set(tmp_path, n=40, classes=10)
    data = FashionMNIST(folder=str(tmp_path), validation_size=0).load(rng())
    assert (data.class_names[9], len(data.val)) == ("Ankle boot", 0)
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path)
    monkeypatch.setattr(fashion, "DECOMPRESSED_SHA256", {})
    assert FashionMNIST(validation_size=0).load(rng()).sha256 == data.sha256


@pytest.mark.skipif(not fashion.DEBIAN.is_dir(), reason="dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist():
    data = FashionMNIST().load(rng())
    assert (len(data.train), len(data.test), data.n_classes) == (50_000, 10_000, 10)
    np.testing.assert_array_equal(np.bincount(data.test.labels), [1000] * 10)


def test_synthetic_is_always_the_same_and_not_trivial():
    data = Synthetic().load(rng())
    assert (len(data.train), len(data.val), len(data.test)) == (512, 128, 128)
    assert hashlib.sha256(data.train.rows).hexdigest() == hashlib.sha256(Synthetic().read().decoded.train.rows[:512]).hexdigest()
    means = np.array([data.train.X[data.train.labels == k].mean(axis=0) for k in range(4)])
    nearest = np.argmin(((data.test.X[:, None] - means) ** 2).sum(axis=2), axis=1)
    assert 0.8 < np.mean(nearest == data.test.labels) <= 1


@pytest.mark.parametrize("kind", DATASETS.values())
@pytest.mark.parametrize("wrong", [{"validation_size": -1}, {"train_size": 0}, {"preprocess": "scael"}])
def test_wrong_values_are_named(kind, wrong):
    with pytest.raises(ConfigError, match=f"data.{next(iter(wrong))} = "):
        kind(**wrong)


COST = """
import time
import numpy as np
from mnist_np.data.sources import MNIST
before, began = peak(), time.perf_counter()
MNIST().load(np.random.default_rng(0))
print((peak() - before) / (1 << 20), time.perf_counter() - began)
"""


def test_loading_stays_within_memory_and_time():
    """56 MB of rows, mapped from the cache, and the files that they are found by."""
    MNIST().load(rng())  # writes the cache, if no other test has
    megabytes, seconds = answer(COST)
    assert megabytes < 80
    assert seconds < 2
