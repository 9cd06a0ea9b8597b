"""`data.dtype` has no effect on a result: the same weights to the bit, with everything that comes near the examples."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np import Experiment, Training, run
from mnist_np.data.augment import Distort
from mnist_np.data.dataset import Split
from mnist_np.data.sources import Synthetic
from mnist_np.data.splits import RawSplits
from mnist_np.fingerprint import identify
from mnist_np.nn.losses import Distillation
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import LBFGS
from mnist_np.serialize import to_dict
from mnist_np.storage.checkpoint import Checkpointer
from mnist_np.storage.weights import save_weights


def experiment(dtype, training=None, data=None, **parts):
    return Experiment(
        MLP(hidden=[12, 6]),
        data=Synthetic(dtype=dtype, **(data or {})),
        training=Training(epochs=2, **({"batch_size": 48} | (training or {}))),
        **parts,
    )


CASES = {
    "plain": {},
    "small batches": {"training": {"batch_size": 7}},
    "float64": {"training": {"dtype": "float64"}},
    "textbook": {"training": {"engine": "textbook", "metrics": ["ece"]}},
    "mixup": {"training": {"mixup": 0.3}},
    "vat": {"training": {"vat": 1.0}},
    "diagnostics": {"training": {"diagnostics": 3}},
    "two processes": {"training": {"processes": 2}},
    "two processes, standardized": {"training": {"processes": 2}, "data": {"preprocess": "standardize"}},
    "augmented, two processes": {"training": {"processes": 2}, "augment": Distort(shift=1)},
    "augmented": {"augment": Distort(shift=1, rotation=9, noise=0.1), "data": {"preprocess": "standardize"}},
    "binarized": {"data": {"preprocess": "binarize"}},
    "few labels": {"data": {"train_size": 50, "preprocess": "standardize"}},
    "no validation": {"data": {"validation_size": 0}, "training": {"select": "last"}},
    "whole batches": {"optimizer": LBFGS()},
}


def assert_same(a, b):
    np.testing.assert_array_equal(a.network.params, b.network.params)
    assert a.test.loss == b.test.loss
    assert [without_times(row) for row in a.history] == [without_times(row) for row in b.history]


def without_times(row):
    return {key: value for key, value in row.items() if not key.startswith("time/")}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_training_is_the_same_to_the_bit(case):
    kept, converted = (run(experiment(dtype, **case)) for dtype in ("uint8", "float32"))
    assert (kept.data.train.rows.dtype, converted.data.train.rows.dtype) == (np.uint8, np.float32)
    assert_same(kept, converted)


def test_a_distillation_is_the_same_to_the_bit(tmp_path):
    teacher = tmp_path / "teacher.safetensors"
    taught = run(experiment("uint8", data={"preprocess": "symmetric"}))
    save_weights(teacher, taught.network, taught.experiment, taught.data)
    both = [run(experiment(dtype, loss=Distillation(teacher=str(teacher)))) for dtype in ("uint8", "float32")]
    assert_same(*both)


def test_a_run_of_one_goes_on_with_the_other(tmp_path):
    stops = iter([None] * 15)
    stopped = run(experiment("uint8"), [Checkpointer(tmp_path)], lambda: next(stops, "enough"))
    assert stopped.status == "killed"
    assert_same(run(experiment("float32"), resume_from=tmp_path), run(experiment("float32")))


def test_it_is_no_part_of_the_fingerprint():
    identities = {identify(experiment(dtype), "data").fingerprint for dtype in ("uint8", "float32")}
    assert len(identities) == 1
    assert "dtype" not in to_dict(experiment("uint8"), only_effective=True)["data"]


class OfFloats(Synthetic):
    """A data set of a user's own, whose pixels are no bytes."""

    def read(self):
        published = super().read()
        decoded = published.decoded
        pixels = [Split.pack(split.X * np.float32(0.3), split.labels, 4) for split in (decoded.train, decoded.test)]
        return RawSplits("floats", replace(decoded, train=pixels[0], test=pixels[1]), published.class_names, "here")


def test_a_source_of_other_numbers_keeps_them():
    both = [run(replace(experiment("uint8"), data=OfFloats(dtype=dtype))) for dtype in ("uint8", "float32")]
    assert both[0].data.train.X.max() == np.float32(0.3)
    assert_same(*both)
