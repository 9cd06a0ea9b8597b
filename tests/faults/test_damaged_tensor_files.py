"""Weights and checkpoints from anywhere: truncated, flipped, forged and absurd files give one clear error, quickly and in
little memory, and no code of theirs runs."""

import json
import os
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save
from tensor_files import EXPERIMENT, loading

from mnist_np.api import run
from mnist_np.serialize import to_dict
from mnist_np.storage.checkpoint import Checkpointer, CheckpointError, found
from mnist_np.storage.tensorfile import TensorFileError, open_tensors, write_tensors
from mnist_np.storage.weights import WeightsError, load_weights, save_weights

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    result = run(EXPERIMENT)
    save_weights(path, result.network, EXPERIMENT, result.data)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    steps = iter(range(5))
    run(EXPERIMENT, [Checkpointer(folder)], interrupted=lambda: None if next(steps, None) is not None else "enough")
    return found(folder)[0]


def test_the_files_themselves_are_taken(weights, checkpoint):
    loaded = load_weights(weights)
    assert (loaded.network.n_in, loaded.network.n_out, loaded.class_names) == (9, 4, ("0", "1", "2", "3"))
    assert run(EXPERIMENT, resume_from=checkpoint.parent).status == "finished"


@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
@given(data=st.data())
def test_no_bit_can_flip_unnoticed(kind, data, request, tmp_path_factory):
    content = bytearray(request.getfixturevalue(kind).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("flipped") / "file.safetensors"
    path.write_bytes(content)
    with pytest.raises(TensorFileError, match=r"file\.safetensors"):
        open_tensors(path).arrays()
    assert all(loading(path))


@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
@given(data=st.data())
def test_no_part_of_a_file_is_taken_for_the_whole(kind, data, request, tmp_path_factory):
    content = request.getfixturevalue(kind).read_bytes()
    path = tmp_path_factory.mktemp("cut") / "file.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert all(loading(path))


@given(content=st.binary(max_size=200))
def test_any_bytes(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "file.safetensors"
    path.write_bytes(content)
    assert all(loading(path))


class Exploding:
    def __reduce__(self):
        return os.mkdir, ("/tmp/mnist-np-exploded",)


def header(content, length=None):
    """The bytes of a safetensors file with this header."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text


ABSURD = {
    "pickle": pickle.dumps(Exploding()),
    "empty": b"",
    "header of 2^63 bytes": header({}, 1 << 63),
    "header of 99 MB": header({}, 99 << 20) + b" " * 100,
    "array of 2^40 numbers": header({"W1": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}),
    "overlapping arrays": header({n: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for n in "ab"}) + bytes(8),
    "negative shape": header({"W1": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}) + bytes(4),
    "type unknown to NumPy": save({"a": np.zeros(2, np.uint8)}, {"mnist_np": "{}"}).replace(b'"U8"', b'"F8"'),
    "no metadata": save({"W1": np.zeros((9, 4), np.float32)}),
    "metadata of another program": save({"W1": np.zeros(2)}, {"format": "pt"}),
    "metadata that is no JSON": save({"W1": np.zeros(2)}, {"mnist_np": "{"}),
    "metadata that is no object": save({"W1": np.zeros(2)}, {"mnist_np": "[]"}),
    "metadata without hashes": save({"W1": np.zeros(2)}, {"mnist_np": "{}"}),
    "metadata 100,000 deep": save({"W1": np.zeros(2)}, {"mnist_np": "[" * 100_000}),
    "numbers of 5,000 digits": save({"W1": np.zeros(2)}, {"mnist_np": "9" * 5000}),
}


@pytest.mark.parametrize("content", ABSURD.values(), ids=list(ABSURD))
def test_absurd_files(content, tmp_path):
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    weights_error, checkpoint_error = loading(path)
    assert str(path) in weights_error
    assert len(weights_error) < 500
    assert "no checkpoint to go on from" in checkpoint_error
    assert not os.path.exists("/tmp/mnist-np-exploded")


def test_things_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("fifo", "folder", "loop", "device", "nowhere"):
        with pytest.raises(WeightsError, match=name):
            load_weights(tmp_path / name)


def test_a_sparse_file_of_a_terabyte(tmp_path):
    path = tmp_path / "file.safetensors"
    size = 1 << 40
    path.write_bytes(header({"W1": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}))
    os.truncate(path, path.stat().st_size + size)
    with pytest.raises(WeightsError, match="claims 1,099,511,627"):
        load_weights(path)


def forged(about=None, experiment=None, **changes):
    """The header of a weights file with valid hashes, but with other content."""
    known = {"n_in": 9, "n_out": 4, "image_shape": [3, 3], "class_names": list("0123"), "pixels": {}}
    return about or known | {"experiment": to_dict(EXPERIMENT, only_effective=True) | (experiment or {})} | changes


FORGED = {
    "hidden layers that would need 4 TB": forged(experiment={"model": {"hidden": [1_000_000, 1_000_000]}}),
    "maxout pieces that would need 4 TB": forged(experiment={"activation": {"name": "maxout", "pieces": 10**10}}),
    "ten thousand layers": forged(experiment={"model": {"hidden": [1] * 10_000}}),
    "400,000 layers": forged(experiment={"model": {"hidden": [1] * 400_000}}),
    "no images": forged(image_shape=[0, 9]),
    "negative sizes": forged(n_in=-9),
    "sizes in floats": forged(n_in=9.0),
    "sizes in words": forged(n_out="4"),
    "a size of true": forged(n_in=True, image_shape=[1, 1]),
    "an image of other size": forged(image_shape=[3, 4]),
    "too few classes": forged(class_names=["a"]),
    "classes without names": forged(class_names=[1, 2, 3, 4]),
    "a component to call": forged(experiment={"optimizer": {"_target_": "os.system", "command": "true"}}),
    "an unknown option": forged(experiment={"optimizer": {"name": "os.system"}}),
    "a config that is a list": forged(experiment=None) | {"experiment": []},
    "a config of other types": forged(experiment={"training": 3, "seed": "x", "model": None}),
    "a value out of range": forged(experiment={"training": {"epochs": 0}}),
    "pixels of other types": forged(pixels={"gain": "1", "offset": 0.0, "binary": False}),
    "nothing at all": {"nothing": 1},
}


@pytest.mark.parametrize("about", FORGED.values(), ids=list(FORGED))
def test_forged_files_whose_hashes_are_right(about, tmp_path):
    path = tmp_path / "file.safetensors"
    write_tensors(path, about, {"W1": np.zeros((9, 4), np.float32)})
    load_weights_once(tmp_path)
    tracemalloc.start()
    weights_error, checkpoint_error = loading(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in weights_error
    assert len(weights_error) < 500
    assert "no checkpoint to go on from" in checkpoint_error
    assert peak < 200e6


def load_weights_once(folder):
    """What is imported lazily is not to be counted."""
    with pytest.raises(WeightsError):
        load_weights(folder / "nowhere")


@pytest.mark.parametrize("damage", ["missing", "shape", "type", "extra", "negative", "text", "huge"])
def test_forged_checkpoints_whose_hashes_are_right(damage, checkpoint, tmp_path):
    file = open_tensors(checkpoint)
    about, arrays = json.loads(json.dumps(file.about)), file.arrays()
    if damage == "missing":
        del arrays["progress.optimizer.m"]
    elif damage == "shape":
        arrays["progress.best.params"] = arrays["progress.best.params"][1:]
    elif damage == "type":
        arrays["params"] = arrays["params"].astype(np.float64)
    elif damage == "extra":
        about["progress"]["optimizer"]["more"] = 1
    elif damage == "negative":
        about["progress"]["epoch"] = -1
    elif damage == "text":
        about["progress"]["step"] = "many"
    else:
        arrays["progress.optimizer.m"] = np.zeros(1_000_000, np.float32)
    write_tensors(tmp_path / checkpoint.name, about, arrays)
    with pytest.raises(CheckpointError):
        run(EXPERIMENT, resume_from=tmp_path)


def test_safetensors_own_panic_for_want_of_memory_is_an_error_like_others(tmp_path, monkeypatch):
    """What it raises then is no Exception, so that nothing else would catch it."""

    class PanicException(BaseException):
        pass

    def panic(*_):
        raise PanicException("PyObject pointer is null")

    write_tensors(tmp_path / "a.safetensors", {}, {"a": np.zeros(3)})
    file = open_tensors(tmp_path / "a.safetensors")
    monkeypatch.setattr("mnist_np.storage.tensorfile.safe_open", panic)
    with pytest.raises(TensorFileError, match="memory ran out"):
        file.arrays()
    monkeypatch.setattr("mnist_np.storage.tensorfile.safe_open", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        file.arrays()
