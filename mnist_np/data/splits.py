"""From all examples to train, validation and test split: the subset that is asked for, and the preprocessing of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_np.component import ConfigError
from mnist_np.data.byte_split import ByteSplit
from mnist_np.data.dataset import Dataset, Decoded
from mnist_np.data.preprocess import PREPROCESS, apply
from mnist_np.memory import need


@dataclass(frozen=True)
class RawSplits:
    """A data set as its authors give it: a training and a test split, no validation yet."""

    name: str
    decoded: Decoded
    class_names: tuple[str, ...]
    source: str


PART = 6
"""A validation split whose size is not given is one of so many parts of the training examples."""


def divide(
    data: RawSplits,
    validation_size: int | None,
    train_size: int | None,
    preprocess: str,
    rng: np.random.Generator,
    dtype: str = "uint8",
) -> Dataset:
    """The last ``validation_size`` training examples validate, a stratified ``train_size`` of the others (or all) train.

    None stands for a sixth of the training examples. ``dtype`` float32 converts examples of bytes here rather than by the batch.
    Raises ConfigError when there are not that many examples.
    """
    whole = data.decoded.train
    if validation_size is None:
        validation_size = len(whole) // PART
    n = len(whole) - validation_size
    if n < 1:
        raise ConfigError(
            "data.validation_size",
            validation_size,
            f"must be smaller than the training set of {data.name}, which has {len(whole)} examples",
        )
    if train_size is not None and train_size > n:
        raise ConfigError(
            "data.train_size",
            train_size,
            f"must be at most {n}, the training examples of {data.name} that a validation_size of {validation_size} leaves",
        )
    train, val = whole[:n], whole[n:]
    if train_size is not None:
        train = train[stratified(train.labels, train_size, rng)]
    pixels = PREPROCESS[preprocess](train)
    train, val, test = (apply(pixels, split) for split in (train, val, data.decoded.test))
    if dtype == "float32":
        need(4 * sum(len(split) * split.batch_width for split in (train, val, test)), f"the data as {dtype}")
        train, val, test = (split.converted() if isinstance(split, ByteSplit) else split for split in (train, val, test))
    for split in (train, val, test):
        split.rows.flags.writeable = False
    shape, sha256 = data.decoded.image_shape, data.decoded.sha256
    return Dataset(data.name, train, val, test, shape, data.class_names, sha256, data.source, pixels)


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
