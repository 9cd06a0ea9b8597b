"""From all examples to train, validation and test split: the subset that is asked for, and the preprocessing of its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import DataError, Dataset, Images, Split
from mnist_np.data.preprocess import PREPROCESS, apply


def split_dataset(
    images: Images, validation_size: int, train_size: int | None, preprocess: str, rng: np.random.Generator
) -> Dataset:
    """The last ``validation_size`` training examples validate, a stratified ``train_size`` of the others (or all) train.

    Raises DataError when there are not that many examples.
    """
    n = len(images.train) - validation_size
    if n < 1:
        raise DataError(
            f"data.validation_size = {validation_size}: must be smaller than the training set of {images.name}, "
            f"which has {len(images.train)} examples"
        )
    if train_size is not None and train_size > n:
        raise DataError(
            f"data.train_size = {train_size}: must be at most {n}, the training examples of {images.name} "
            f"that a validation_size of {validation_size} leaves"
        )
    train, val = images.train[:n], images.train[n:]
    if train_size is not None:
        rows = train.rows[stratified(train.labels, train_size, rng)]
        train = Split(rows, train.n_features, train.n_classes)
    pixels = PREPROCESS[preprocess](train.X)
    train, val, test = (apply(pixels, split) for split in (train, val, images.test))
    for split in (train, val, test):
        split.rows.flags.writeable = False
    return Dataset(images.name, train, val, test, images.image_shape, images.class_names, images.sha256, images.source, pixels)


def stratified(labels: NDArray[np.integer], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """``size`` indices into ``labels``, in ascending order, with every class's share kept to within one example.

    Shares that are not whole go to the classes with the largest remainders.
    """
    counts = np.bincount(labels)
    shares = counts * size / len(labels)
    take = np.floor(shares).astype(int)
    largest = np.argsort(take - shares, kind="stable")[: size - take.sum()]
    take[largest] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == k))[:m] for k, m in enumerate(take)]
    return np.sort(np.concatenate(chosen))
