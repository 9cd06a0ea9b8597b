"""A teacher for distillation: another run's network, whose opinions of the training examples stand beside their labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.nn.losses import Distillation
from mnist_np.training.evaluation import BATCH
from mnist_np.weights import WeightsError, load_weights


def taught(data: Dataset, experiment: Experiment) -> Dataset:
    """The data with the softened probabilities of ``experiment.loss``'s teacher beside the training split's targets.

    They are those of the images as they are, undistorted. Raises ConfigError if there is no such teacher or if it was trained
    for other inputs or classes.
    """
    loss = experiment.loss
    assert isinstance(loss, Distillation)
    if loss.teacher is None:
        raise loss.error("teacher", None, "must be the weights file of a trained network, or its run's id")
    try:
        weights = load_weights(Path(loss.teacher))
    except WeightsError as error:
        raise loss.error("teacher", loss.teacher, str(error)) from None
    network, preprocess = weights.network, weights.experiment.data.preprocess
    if (network.n_in, network.n_out) != (data.n_features, data.n_classes):
        sizes = f"{network.n_in} inputs and {network.n_out} classes, the data {data.n_features} and {data.n_classes}"
        raise loss.error("teacher", loss.teacher, f"must fit the data: it has {sizes}")
    if preprocess != experiment.data.preprocess:
        raise loss.error("teacher", loss.teacher, f"was trained with data.preprocess={preprocess}: this run must be, too")
    train = data.train.with_soft_targets(data.n_classes)
    for start in range(0, len(train), BATCH):
        part = train[start : start + BATCH]
        part.targets[:, data.n_classes :] = loss.soften(network.forward(part.X.astype(network.dtype, copy=False)))
    train.rows.flags.writeable = False
    return replace(data, train=train)
