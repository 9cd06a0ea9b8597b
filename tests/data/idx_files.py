"""IDX files made for tests."""

import gzip
import struct

import numpy as np

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx(array):
    """The content of an IDX file that holds ``array``."""
    array = np.asarray(array, np.uint8)
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def header(*sizes):
    """A header that announces these sizes."""
    return struct.pack(f">I{len(sizes)}I", 0x800 + len(sizes), *sizes)


def arrays(n=20, n_test=8, shape=(5, 4), classes=3, seed=0):
    """Contents of a small data set by file name."""
    rng = np.random.default_rng(seed)
    return {
        TRAIN_IMAGES: rng.integers(0, 256, (n, *shape)),
        TRAIN_LABELS: np.arange(n) % classes,
        TEST_IMAGES: rng.integers(0, 256, (n_test, *shape)),
        TEST_LABELS: np.arange(n_test) % classes,
    }


def write_set(folder, compress=True, **changed):
    """Write the four files, compressed or plain; ``changed`` gives other sizes to `arrays`. Returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = arrays(**changed)
    for name, array in contents.items():
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        else:
            (folder / name).write_bytes(idx(array))
    return contents
