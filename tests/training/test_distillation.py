"""Distillation through a run: the teacher comes from a weights file, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.losses import Distillation, softmax
from mnist_np.nn.mlp import MLP
from mnist_np.storage.teacher import add_teacher_targets, weights_file
from mnist_np.storage.weights import save_weights


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A trained teacher's result and its weights file."""
    result = run(Experiment(model=MLP(hidden=[16]), data=Synthetic(), training=Training(epochs=20)))
    path = tmp_path_factory.mktemp("teacher") / "weights.safetensors"
    save_weights(path, result.network, result.experiment, result.data)
    return result, path


def student(path, **loss):
    return Experiment(
        model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=2), loss=Distillation(teacher=str(path), **loss)
    )


def test_the_teachers_opinions_stand_beside_the_labels(teacher):
    result, path = teacher
    data = add_teacher_targets(result.data, student(path, temperature=3))
    expected = softmax(result.network.logits(data.train.X[:5]) / 3)
    np.testing.assert_allclose(data.train.targets[:5, data.n_classes :], expected, rtol=1e-5)
    np.testing.assert_array_equal(data.train.Y, result.data.train.Y)
    np.testing.assert_array_equal(data.train.X, result.data.train.X)
    assert data.val.targets.shape[1] == data.n_classes


def test_a_student_learns_from_the_teacher_alone(teacher):
    result, path = teacher
    trained = run(replace(student(path, weight=1.0, temperature=2.0), training=Training(epochs=40)))
    agree = trained.network.predict(result.data.test.X) == result.network.predict(result.data.test.X)
    assert agree.mean() > 0.9


def test_a_teacher_sees_images_as_it_is_used_to(teacher):
    result, path = teacher
    other = replace(student(path), data=Synthetic(preprocess="standardize"))
    same, standardized = add_teacher_targets(result.data, student(path)), add_teacher_targets(other.load_data(), other)
    np.testing.assert_allclose(standardized.train.targets, same.train.targets, atol=1e-4)


def test_a_teacher_is_found_by_file_folder_and_run_id(teacher, tmp_path):
    path = teacher[1]
    folder = tmp_path / "runs" / "2026-11-23" / "12-00-00"
    folder.mkdir(parents=True)
    (folder / "tracking.json").write_text('{"run_id": "abc123"}')
    (folder / "weights.safetensors").write_bytes(path.read_bytes())
    assert weights_file(Distillation(teacher=str(path)), tmp_path) == path
    for name in (str(folder), "abc123"):
        assert weights_file(Distillation(teacher=name), tmp_path) == folder / "weights.safetensors"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: replace(e, loss=Distillation()), "must be the weights file"),
        (lambda e: replace(e, loss=Distillation(teacher="nowhere.safetensors")), "no weights file, no run's folder"),
        (
            lambda e: replace(e, data=Synthetic(side=7)),
            "must fit the data synthetic, which has images of 7 x 7 pixels in 4 classes, the network is for images of 8 x 8",
        ),
    ],
)
def test_an_unfit_teacher_is_refused(teacher, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        run(change(student(teacher[1])))
    assert caught.value.key == "loss.teacher"
