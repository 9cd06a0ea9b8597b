"""A run's data sets as MLflow's inputs: the training, validation and test split, each with its context."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mnist_np.component import JsonDict
from mnist_np.data.dataset import Dataset
from mnist_np.experiment import Experiment
from mnist_np.storage.run_folder import describe

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

CONTEXTS = {"train": "training", "val": "validation", "test": "testing"}
"""Our splits, in order, by MLflow's names."""


def describe_data(experiment: Experiment, data: Dataset) -> dict[str, object]:
    """`run_folder.describe`, and what else says which examples train: the seed, where it draws a subset of them."""
    subset = {"subset_seed": experiment.seed} if experiment.data.train_size else {}
    return describe(data) | subset


def dataset_inputs(data: JsonDict) -> list[DatasetInput]:
    """MLflow's descriptions of the splits that have examples, from `describe_data`'s."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": data["source"], "sha256": data["sha256"]})
    return [
        DatasetInput(
            Dataset(data["name"], digest(data, split), "local", source, profile=json.dumps({"num_rows": data[split]})),
            [InputTag("mlflow.data.context", context)],
        )
        for split, context in CONTEXTS.items()
        if data[split]
    ]


def digest(data: JsonDict, split: str) -> str:
    """What tells the examples of a split from others (36 characters: what MLflow takes).

    Validation examples are the last of the training files, and the training examples, or a subset of them that a seed draws,
    come before them. The whole files have the SHA-256 that the source names.
    """
    parts = {"train": ["train", "val"], "val": ["val"], "test": []}[split]
    content = [data["sha256"], split, *(data[part] for part in parts), data.get("subset_seed") if split == "train" else None]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:36]
