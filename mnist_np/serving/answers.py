"""The predictions of a network for images, as plain data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_np.component import JsonDict, UserError
from mnist_np.data.pictures import Gray, size
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate
from mnist_np.storage.weights import Weights

MOST_IMAGES = 10_000
"""Images of a request."""

INPUTS = ("inputs", "instances", "dataframe_split", "dataframe_records")
"""What MLflow's scoring protocol calls the rows."""


class BadInputError(UserError):
    """A request that cannot be answered. The message says what is expected."""


def classify(weights: Weights, images: Array) -> Array:
    """Class probabilities (m, n_classes) of images (m, n_features) with pixels in [0, 1]."""
    with np.errstate(all="ignore"):
        P = weights.network.predict_proba(weights.pixels(images))
    if not np.isfinite(P).all():
        raise BadInputError("the network's outputs are not finite numbers: its weights are too large")
    return P


def invocation(weights: Weights, request: object) -> JsonDict:
    """The answer to a request in MLflow's JSON: the predicted classes, and the probabilities of all."""
    P = classify(weights, rows(request, weights.image_shape))
    predictions = [weights.class_names[k] for k in P.argmax(axis=1)]
    return {"predictions": predictions, "probabilities": P.tolist(), "classes": list(weights.class_names)}


def rows(request: object, shape: tuple[int, int]) -> Array:
    """The images (m, height * width) of a request. Raises BadInputError."""
    if not isinstance(request, dict) or len(found := [key for key in INPUTS if key in request]) != 1:
        raise BadInputError(f"must be a JSON object with one of the keys {', '.join(INPUTS)}")
    values = request[found[0]]
    if found[0] == "dataframe_split":
        values = of_split(values)
    elif found[0] == "dataframe_records":
        values = of_records(values)
    if isinstance(values, dict) and len(values) == 1:
        values = next(iter(values.values()))  # {"inputs": {"images": [...]}}
    if not isinstance(values, list) or not values:
        raise BadInputError(f"{found[0]}: must be a list of images, at least one")
    if len(values) > MOST_IMAGES:
        raise BadInputError(f"{found[0]}: {len(values):,} images are too many, at most {MOST_IMAGES:,} are answered at once")
    n = shape[0] * shape[1]
    try:
        array = np.array(values, dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        raise BadInputError(f"{found[0]}: each image must be {n} numbers, or {shape[0]} rows of {shape[1]}") from None
    if array.shape[1:] not in ((n,), shape):
        there = size(array.shape[1:]) or "one number"
        raise BadInputError(f"{found[0]}: each image must be {n} numbers, or {shape[0]} rows of {shape[1]}, not {there}")
    if not ((array >= 0) & (array <= 1)).all():  # false for NaN too
        raise BadInputError(f"{found[0]}: pixels must lie between 0 (black) and 1 (white); bytes are divided by 255")
    return array.reshape(len(array), n)


def of_split(table: object) -> list[Any] | None:
    """The rows of ``dataframe_split``, pixels in their order; None if there are none. Raises BadInputError."""
    rows, names = (table.get("data"), table.get("columns")) if isinstance(table, dict) else (None, None)
    if not isinstance(rows, list) or not rows:
        return None
    if names is None:
        return rows
    if not isinstance(names, list) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        raise BadInputError("dataframe_split: columns must be a list with a name for each number of a row")
    order = pixel_order(names)
    return [[row[i] for i in order] for row in rows]


def of_records(records: object) -> list[Any] | None:
    """The rows of ``dataframe_records``, pixels in their order; None if there are none. Raises BadInputError."""
    if not isinstance(records, list) or not records:
        return None
    if not all(isinstance(record, dict) and record.keys() == records[0].keys() for record in records):
        raise BadInputError("dataframe_records: all rows must be objects with the same columns")
    given = list(records[0])
    names = [given[i] for i in pixel_order(given)]
    return [[record[name] for name in names] for record in records]


def pixel_order(names: Sequence[object]) -> Sequence[int]:
    """The places of columns in the order of the numbers that their names end in, if these count them; else as they are.

    What writes JSON often sorts the names as texts: p0, p1, p10, p100, p101.
    """
    n = len(names)
    ends = [re.search(r"(?<![0-9])[0-9]{1,6}\Z", str(name)) for name in names if isinstance(name, str | int)]
    numbers = [int(end[0]) for end in ends if end]
    if sorted(numbers) not in (list(range(n)), list(range(1, n + 1))):
        return range(n)
    return sorted(range(n), key=numbers.__getitem__)


def look(weights: Weights, image: Gray) -> JsonDict:
    """All that a network makes of one prepared image (height, width): probabilities, the image, and each layer's activations."""
    X = weights.pixels(image.reshape(1, -1)).astype(weights.network.dtype)
    layers = []
    with np.errstate(all="ignore"):
        for layer in weights.network.layers:
            X, _ = layer.forward(X)
            if isinstance(layer, Activate):
                layers.append({"name": type(layer.activation).__name__, "values": np.round(X[0], 3).tolist()})
    P = classify(weights, image.reshape(1, -1))[0]
    return answer(weights, P) | {"image": np.round(image, 3).tolist(), "layers": layers}


def answer(weights: Weights, P: Array) -> dict[str, object]:
    """The most probable class, and the probability of each."""
    k = int(P.argmax())
    return {
        "class": weights.class_names[k],
        "probability": float(P[k]),
        "probabilities": dict(zip(weights.class_names, P.tolist(), strict=True)),
    }
