"""Resuming from a checkpoint of the same experiment and data, with the same result as without the interruption."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_np.component import JsonDict
from mnist_np.data.dataset import Dataset
from mnist_np.fingerprint import differences
from mnist_np.nn.arrays import Array
from mnist_np.nn.network import Network
from mnist_np.storage.checkpoint import CheckpointError, describe, found, mode_in
from mnist_np.storage.packing import expect, pack, unpack
from mnist_np.storage.tensorfile import Arrays, TensorFile, TensorFileError, open_tensors
from mnist_np.training.mode import Mode
from mnist_np.training.progress import Progress

if TYPE_CHECKING:
    from mnist_np.experiment import Experiment

log = logging.getLogger(__name__)


def restorer(folder: Path, experiment: Experiment, data: Dataset) -> Callable[[Network, Progress, Mode], None]:
    """`resume` with experiment and data given: what `training.run.run` calls when the network and its progress are made."""
    return lambda network, progress, mode: resume(folder, experiment, data, network, progress, mode)


def checkpoint_mode(folder: Path) -> Mode | None:
    """The mode of the newest checkpoint in ``folder`` that says one, in which its run is to go on."""
    for path in found(folder):
        with suppress(TensorFileError):
            if mode := mode_in(open_tensors(path).about):
                return mode
    return None


def resume(folder: Path, experiment: Experiment, data: Dataset, network: Network, progress: Progress, mode: Mode) -> None:
    """Set ``network`` and ``progress``, both as they are before the first step, to the newest checkpoint in ``folder``.

    A damaged checkpoint is reported, and the one before it is taken. Raises CheckpointError if there is none to take, and if
    it is of another experiment or other data: the message then says what differs.
    """
    now, paths = describe(experiment, data, mode), found(folder)
    for path in paths:
        try:
            file = open_tensors(path)
            compare(file, now)
            arrays = within(capacity(network, progress), file).arrays()
        except TensorFileError as error:
            log.warning("%s; trying the checkpoint before it", error)
            continue
        grows = not type(experiment.optimizer).__module__.startswith("mnist_np.")
        restore(path, file.about, arrays, network, progress, grows)
        return
    raise CheckpointError(f"{folder}: there is no checkpoint to go on from" + (" that is whole" if paths else ""))


def compare(file: TensorFile, now: JsonDict) -> None:
    """Raise CheckpointError unless the checkpoint is of the same experiment on the same data. Warn where its last bits may
    differ from here on, since the software does."""
    then: JsonDict = {key: file.about.get(key) for key in now}
    if any(type(then[key]) is not type(now[key]) for key in now):
        raise TensorFileError(f"{file.path}: not a checkpoint")
    if different := differences(then["config"], now["config"]) + differences(then["inputs"], now["inputs"]):
        raise CheckpointError(f"{file.path}: it is of another run: {'; '.join(different)}")
    processes = {"processes": mode.processes} if (mode := mode_in(file.about)) else {}
    if different := differences(then["numerics"] | processes, now["numerics"]):
        reason = "; ".join(different)
        log.warning("%s: going on, but the last bits may differ from the uninterrupted run's: %s", file.path, reason)


def capacity(network: Network, progress: Progress) -> int:
    """More numbers than this run's checkpoint can have: beside the optimizer's, a few copies of the weights."""
    arrays: Arrays = {}
    pack(progress, "progress", arrays)
    return sum(array.size for array in arrays.values()) + 8 * (network.params.size + network.state.size) + 1024


def within(capacity: int, file: TensorFile) -> TensorFile:
    """The file, if it has no more than ``capacity`` numbers. Raises TensorFileError."""
    if file.n_numbers > capacity:
        raise TensorFileError(f"{file.path}: it has {file.n_numbers:,} numbers, more than the {capacity:,} of this run")
    return file


def restore(path: Path, about: dict[str, object], arrays: Arrays, network: Network, progress: Progress, grows: bool) -> None:
    """Put everything in its place. Raises CheckpointError naming what does not fit; nothing is changed then.

    ``grows`` says that the optimizer, one of the user's own, may have added to its state in its first step.
    """
    try:
        saved: Progress = unpack(Progress, about.get("progress"), arrays, "progress")
        params, state = (fitting(name, arrays, getattr(network, name)) for name in ("params", "state"))
        for f in dataclasses.fields(Progress):
            fresh = getattr(progress, f.name)
            if isinstance(fresh, dict) and fresh:
                setattr(saved, f.name, merged(f.name, fresh, getattr(saved, f.name), grows and f.name == "optimizer"))
        if saved.best:
            fitting("params", vars(saved.best), network.params)
            fitting("state", vars(saved.best), network.state)
        expect(min(saved.epoch, saved.batch, saved.step) >= 0, "progress", "its counts must not be negative")
        expect(saved.whole, "progress.worker_steps", f"must all be {saved.step}: the weights are not of one step")
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    network.params[:], network.state[:] = params, state
    saved.status, saved.reason = "running", ""
    vars(progress).update(vars(saved))


def merged(name: str, fresh: JsonDict, saved: JsonDict, grows: bool) -> JsonDict:
    """A state with the saved values and the fresh scratch (whose names begin with ``_``)."""
    remembered = {key for key in fresh if not key.startswith("_")}
    same = saved.keys() >= remembered if grows else saved.keys() == remembered
    expect(same, name, f"has {', '.join(saved)} instead of {', '.join(remembered)}")
    for key in remembered:
        if isinstance(fresh[key], np.ndarray):
            fitting(key, saved, fresh[key])
        else:
            expect(type(saved[key]) is type(fresh[key]), f"{name}.{key}", f"must be of type {type(fresh[key]).__name__}")
    return fresh | saved


def fitting(name: str, arrays: JsonDict, like: Array) -> Array:
    """``arrays[name]``, which must have the shape and type of ``like``."""
    array = arrays.get(name)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: its array is missing")
    here, there = f"{like.dtype} {like.shape}", f"{array.dtype} {array.shape}"
    expect(there == here, name, f"is {there}, not {here}")
    return array
