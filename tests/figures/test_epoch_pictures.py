"""The small pictures of an epoch: of what, and that no data or network breaks them."""

import dataclasses

import numpy as np
import pytest

from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment
from mnist_np.figures import epoch
from mnist_np.nn.mlp import MLP


def prepared(hidden=(8,), **data):
    experiment = Experiment(model=MLP(hidden=list(hidden)), data=Synthetic(**data))
    loaded = experiment.load_data()
    return experiment.build_network(loaded.n_features, loaded.n_classes), loaded


@pytest.mark.parametrize(
    ("hidden", "data"),
    [
        ((8,), {}),
        ((), {}),
        ((200,), {}),
        ((8,), {"side": 2, "classes": 2}),
        ((8,), {"side": 64, "classes": 10}),
        ((8,), {"preprocess": "binarize"}),
        ((8,), {"preprocess": "standardize"}),
        ((8,), {"validation_size": 5}),
        ((8,), {"train_size": 4}),
    ],
)
def test_pictures_are_about_as_large_as_the_grid_wants(hidden, data):
    network, loaded = prepared(hidden, **data)
    found = epoch.pictures(network, loaded, epoch.hardest(loaded))
    assert list(found) == ["first_layer", "confusion", "hardest"]
    for name, picture in found.items():
        assert 256 <= max(picture.size) <= 544, (name, picture.size)
        assert min(picture.size) >= 120, (name, picture.size)


def test_without_validation_there_is_the_picture_of_the_weights():
    network, loaded = prepared(validation_size=0)
    assert list(epoch.pictures(network, loaded, epoch.hardest(loaded))) == ["first_layer"]


def test_weights_that_are_not_finite_are_drawn():
    network, loaded = prepared()
    network.params[:] = np.nan
    assert len(epoch.pictures(network, loaded, epoch.hardest(loaded))) == 3


def test_the_hardest_are_those_that_look_most_like_another_class():
    _, loaded = prepared()
    rows = loaded.val.rows.copy()
    rows[[3, 70], : loaded.n_features] = loaded.train.X[loaded.train.labels == 2].mean(axis=0)  # 3 is of class 3, 70 of class 2
    val = dataclasses.replace(loaded.val, rows=rows)
    labels = val.labels
    assert labels[70] == 2 != labels[3]
    shown = epoch.hardest(dataclasses.replace(loaded, val=val))
    assert shown[0] == 3
    assert 70 not in shown
    assert len(set(shown)) == epoch.HARD


def test_they_are_the_same_whatever_the_preprocessing():
    first, *others = (list(epoch.hardest(prepared(preprocess=name)[1])) for name in ("scale", "symmetric", "standardize"))
    assert all(other == first for other in others)


def test_a_caption_says_what_a_digit_is_taken_for():
    _, loaded = prepared()
    hard = epoch.hardest(loaded)
    right = np.asarray(epoch.digits(loaded, hard, loaded.val.labels[hard]))
    wrong = np.asarray(epoch.digits(loaded, hard, (loaded.val.labels[hard] + 1) % loaded.n_classes))
    orange = (213, 94, 0)
    assert not (right == orange).all(axis=-1).any()
    assert (wrong == orange).all(axis=-1).sum() > 100
