"""Keras on its JAX backend: ``model.fit``."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"  # read when keras is imported

import keras

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from benchmark.engines import ONE_IMAGE_REPEATS


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """One epoch, or inference (one image by calling the model, many by ``predict``)."""
    keras.utils.set_random_seed(0)
    layers: list[keras.layers.Layer] = []
    for n in cell.hidden:
        layers.append(keras.layers.Dense(n))
        layers += [keras.layers.BatchNormalization()] if cell.extra == "batchnorm" else []
        layers.append(keras.layers.ReLU())
        layers += [keras.layers.Dropout(0.5)] if cell.extra == "dropout" else []
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10)])
    momentum = 0.9 if cell.optimizer == "momentum" else 0.0
    rule = keras.optimizers.Adam(0.001) if cell.optimizer == "adam" else keras.optimizers.SGD(0.05, momentum)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(rule, loss)
    versions = f"keras {keras.__version__}"
    X, y = images.X, images.labels
    if cell.task == "infer":
        X = X[: cell.batch]
        repeats = ONE_IMAGE_REPEATS // 10 if cell.batch == 1 else 1

        def infer() -> None:
            for _ in range(repeats):
                model(X) if cell.batch == 1 else model.predict(X, batch_size=1000, verbose=0)

        return Job(infer, versions, repeats)
    return Job(lambda: model.fit(X, y, batch_size=cell.batch, epochs=1, verbose=0), versions)
