"""The small pictures of an epoch: of what, and that no data or network breaks them."""

import dataclasses

import numpy as np
import pytest

from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment
from mnist_np.figures import epoch
from mnist_np.nn.activations import ReLU
from mnist_np.nn.maxout import Maxout
from mnist_np.nn.mlp import MLP
from mnist_np.training.diagnostics import histogram
from mnist_np.training.diagnostics_record import DiagnosticsRecord, LayerRecord


def prepared(hidden=(8,), activation=None, **data):
    experiment = Experiment(model=MLP(hidden=list(hidden)), activation=activation or ReLU(), data=Synthetic(**data))
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


@pytest.mark.parametrize(("units", "pieces", "columns"), [(8, 5, 10), (40, 2, 8), (3, 2, 4), (1, 3, 3)])
def test_the_pieces_of_a_maxout_unit_stand_side_by_side(units, pieces, columns):
    network, loaded = prepared((units,), Maxout(pieces=pieces))
    network.arrays()["W1"][...] = np.tile(np.linspace(-1, 1, units), pieces)
    picture = np.asarray(epoch.first_layer(network, loaded.image_shape))
    height, width = loaded.image_shape
    scale = picture.shape[1] // (columns * (width + epoch.GAP) + epoch.GAP)
    assert scale * (columns * (width + epoch.GAP) + epoch.GAP) == picture.shape[1]
    shown = min(units, epoch.UNITS // pieces)
    cells = picture[scale * (epoch.GAP + height // 2) :: scale * (height + epoch.GAP)]
    cells = cells[:, scale * (epoch.GAP + width // 2) :: scale * (width + epoch.GAP)].reshape(-1, 3)[: shown * pieces]
    colours = cells.reshape(shown, pieces, 3)
    assert (colours == colours[:, :1]).all(), "one colour for all pieces of a unit"
    assert len(np.unique(colours[:, 0], axis=0)) == shown


def test_the_hardest_are_those_that_look_most_like_another_class():
    _, loaded = prepared()
    rows = loaded.val.rows.copy()
    mean = loaded.train.X[loaded.train.labels == 2].mean(axis=0)
    rows[[3, 70], : loaded.n_features] = np.round(255 * mean)  # 3 is of class 3, 70 of class 2
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


def seen_layers(*values):
    """Diagnostics of a layer for each of ``values``, whose three histograms are all of it."""
    return DiagnosticsRecord({7: []}, {3: [], 7: [LayerRecord({}, *[histogram(np.asarray(v))] * 3) for v in values]})


@pytest.mark.parametrize(
    "values",
    [
        [np.linspace(-1, 1, 100)],
        [np.zeros(10), np.full(10, np.nan), np.array([1e-300, 1e150]), np.array([1e37], np.float32)],
        [np.linspace(0, 3, 50)] * 40,
        [np.array([]), np.array([-5.0])],
    ],
)
def test_any_diagnostics_are_a_picture(values):
    network, loaded = prepared()
    picture = epoch.pictures(network, loaded, epoch.hardest(loaded), seen_layers(*values))["layers"]
    assert picture.width == epoch.SIDE
    assert 120 <= picture.height <= 544


def test_diagnostics_that_never_looked_cost_no_other_picture():
    network, loaded = prepared()
    assert len(epoch.pictures(network, loaded, epoch.hardest(loaded), DiagnosticsRecord())) == 3


def test_a_histogram_has_its_values_at_their_places():
    """0.25 and 0.75 of an axis from 0 to 1 in the first column; nothing in the middle."""
    picture = np.asarray(epoch.layers(seen_layers(np.array([0.0, 0.25, 0.25, 0.75, 1.0])).pictures[7]))
    blue = (picture == (0, 0x72, 0xB2)).all(axis=-1).any(axis=0)
    left, width = 30, (epoch.SIDE - 30) // 3 - 14
    for place, drawn in (0.255, True), (0.755, True), (0.4, False), (0.6, False):
        assert blue[left + round(place * width)] == drawn, place


@pytest.mark.parametrize(("value", "end"), [(0.3, 0.5), (1, 1), (1.01, 2), (7, 10), (0, 1), (np.inf, 1), (2e-5, 2e-5)])
def test_axes_end_at_few_numbers(value, end):
    assert epoch.rounded_up(value) == pytest.approx(end)
