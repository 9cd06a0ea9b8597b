"""Going on from a checkpoint of the very same experiment and data, so that nobody could tell from the result."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import Dataset
from mnist_np.nn.arrays import Array
from mnist_np.nn.network import Network
from mnist_np.serialize import flatten
from mnist_np.training.checkpoint import describe, found
from mnist_np.training.checkpoint_file import Checkpoint, CheckpointError, read_checkpoint
from mnist_np.training.packing import expect, pack, unpack
from mnist_np.training.progress import Progress

if TYPE_CHECKING:
    from mnist_np.experiment import Experiment

log = logging.getLogger(__name__)


def resume(folder: Path, experiment: Experiment, data: Dataset, network: Network, progress: Progress) -> None:
    """Set ``network`` and ``progress``, both as they are before the first step, to the newest checkpoint in ``folder``.

    A damaged checkpoint is reported, and the one before it is taken. Raises CheckpointError if there is none to take, and if
    it is of another experiment or other data: the message then says what differs.
    """
    paths = found(folder)
    for path in paths:
        try:
            checkpoint = read_checkpoint(path, capacity(network, progress))
        except CheckpointError as error:
            log.warning("%s; trying the one before it", error)
            continue
        compare(checkpoint, describe(experiment, data))
        restore(checkpoint, network, progress)
        return
    raise CheckpointError(f"{folder}: there is no checkpoint to go on from" + (" that is whole" if paths else ""))


def capacity(network: Network, progress: Progress) -> int:
    """More bytes than the arrays of this run's checkpoint can have: beside the optimizer's, a few copies of the weights."""
    arrays: dict[str, NDArray[Any]] = {}
    pack(progress, "progress", arrays)
    return sum(array.nbytes for array in arrays.values()) + 8 * (network.params.nbytes + network.state.nbytes) + 1024


def compare(checkpoint: Checkpoint, now: dict[str, Any]) -> None:
    """Raise CheckpointError unless the checkpoint is of the same experiment on the same data. Warn where its last bits may
    differ from here on, since the software does."""
    then = checkpoint.about
    different = differences(then["config"], now["config"])
    if then["data_sha256"] != now["data_sha256"]:
        different.append(f"the data's SHA-256: {then['data_sha256'][:12]}... there, {now['data_sha256'][:12]}... here")
    if different:
        raise CheckpointError(f"{checkpoint.path}: it is of another run: {'; '.join(different)}")
    if different := differences(then["numerics"], now["numerics"]):
        reason = "; ".join(different)
        log.warning("%s: going on, but the last bits may differ from the uninterrupted run's: %s", checkpoint.path, reason)


def differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """What two configs do not share: ``optimizer.lr: 0.1 there, 0.2 here``."""
    a, b = flatten(there), flatten(here)
    return [
        f"{key}: {a.get(key, 'nothing')} there, {b.get(key, 'nothing')} here"
        for key in dict.fromkeys([*a, *b])
        if key not in a or key not in b or a[key] != b[key]
    ]


def restore(checkpoint: Checkpoint, network: Network, progress: Progress) -> None:
    """Put everything in its place. Raises CheckpointError naming what does not fit; nothing is changed then."""
    try:
        saved: Progress = unpack(Progress, checkpoint.about.get("progress"), checkpoint.arrays, "progress")
        params, state = (fitting(name, checkpoint.arrays, getattr(network, name)) for name in ("params", "state"))
        for f in dataclasses.fields(Progress):
            fresh = getattr(progress, f.name)
            if isinstance(fresh, dict) and fresh:
                setattr(saved, f.name, merged(f.name, fresh, getattr(saved, f.name)))
        if saved.best:
            fitting("params", vars(saved.best), network.params)
            fitting("state", vars(saved.best), network.state)
        expect(min(saved.epoch, saved.batch, saved.step) >= 0, "progress", "its counts must not be negative")
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}") from None
    network.params[:], network.state[:] = params, state
    saved.status, saved.reason = "running", ""
    vars(progress).update(vars(saved))


def merged(name: str, fresh: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """A state with the saved values and the fresh scratch (whose names begin with ``_``)."""
    remembered = {key for key in fresh if not key.startswith("_")}
    expect(saved.keys() == remembered, name, f"has {', '.join(saved)} instead of {', '.join(remembered)}")
    for key in remembered:
        if isinstance(fresh[key], np.ndarray):
            fitting(key, saved, fresh[key])
        else:
            expect(type(saved[key]) is type(fresh[key]), f"{name}.{key}", f"must be of type {type(fresh[key]).__name__}")
    return fresh | saved


def fitting(name: str, arrays: dict[str, Any], like: Array) -> Array:
    """``arrays[name]``, which must have the shape and type of ``like``."""
    array = arrays.get(name)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: its array is missing")
    here, there = f"{like.dtype} {like.shape}", f"{array.dtype} {array.shape}"
    expect(there == here, name, f"is {there}, not {here}")
    return array
