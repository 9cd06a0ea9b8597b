"""The teacher of distillation: another run's network, whose class probabilities of the training examples become soft targets."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.nn.losses import Distillation
from mnist_np.nn.network import PIECE
from mnist_np.storage.interrupted import folder_of
from mnist_np.storage.tensorfile import TensorFileError, open_tensors
from mnist_np.storage.weights import MAX_HEADER, WeightsError, load_weights


def load_data(experiment: Experiment, outputs: Path = Path("outputs"), data: Dataset | None = None) -> Dataset:
    """The data of ``experiment`` as its training needs them: with the teacher's targets where the loss is a distillation.

    ``data`` spares the reading. Raises DataError, ConfigError.
    """
    data = data or experiment.load_data()
    if isinstance(experiment.loss, Distillation) and not data.train.n_soft:
        return add_teacher_targets(data, experiment, outputs)
    return data


def add_teacher_targets(data: Dataset, experiment: Experiment, outputs: Path = Path("outputs")) -> Dataset:
    """The data with the softened probabilities of ``experiment.loss``'s teacher beside the training split's targets.

    They are those of the images as they are, undistorted, but preprocessed as the teacher is used to. Raises ConfigError if
    there is no such teacher or if it was trained for other inputs or classes.
    """
    loss = experiment.loss
    assert isinstance(loss, Distillation)
    try:
        weights = load_weights(weights_file(loss, outputs))
    except WeightsError as error:
        raise loss.error("teacher", loss.teacher, str(error)) from None
    if misfit := weights.misfit(data.image_shape, data.class_names):
        raise loss.error("teacher", loss.teacher, f"must fit the data {data.name}, which {misfit}")
    train = data.train.with_soft_targets(data.n_classes)
    for part in train.pieces(PIECE):
        X = part.X if weights.pixels == data.pixels else weights.pixels(data.pixels.inverse(part.X))
        part.soft[:] = loss.soften(weights.network.logits(X))
    train.rows.flags.writeable = False
    return replace(data, train=train, teacher_sha256=weights.sha256)


def teacher_sha256(experiment: Experiment, outputs: Path = Path("outputs")) -> str:
    """Of the teacher's weights, empty where the loss needs none. Reads the header alone. Raises ConfigError."""
    loss = experiment.loss
    if not isinstance(loss, Distillation):
        return ""
    try:
        return open_tensors(weights_file(loss, outputs), MAX_HEADER).content_sha256
    except TensorFileError as error:
        raise loss.error("teacher", loss.teacher, str(error)) from None


def weights_file(loss: Distillation, outputs: Path) -> Path:
    """Where ``loss.teacher`` lies: a weights file itself, or that of a run's folder or id. Raises ConfigError."""
    if loss.teacher is None:
        raise loss.error("teacher", None, "must be the weights file of a trained network, its run's folder, or its MLflow run id")
    if os.path.isfile(loss.teacher):
        return Path(loss.teacher)
    if folder := folder_of(loss.teacher, outputs):
        return folder / "weights.safetensors"
    raise loss.error(
        "teacher", loss.teacher, f"is no weights file, no run's folder, and no MLflow run id of a run under {outputs}"
    )
