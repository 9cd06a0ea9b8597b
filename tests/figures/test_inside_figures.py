"""The figures of what a network is like inside, and of how far it can be believed: they say what the numbers say."""

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.figures.layers import MOST, layers
from mnist_np.figures.reliability import reliability
from mnist_np.figures.run import figures_of, save_png
from mnist_np.nn.losses import MeanSquaredError
from mnist_np.nn.mlp import MLP


def trained(hidden=(12, 8), diagnostics="epoch", **fields):
    training = Training(epochs=2, batch_size=100, diagnostics=diagnostics)
    return run(Experiment(model=MLP(hidden=list(hidden)), data=Synthetic(), training=training, **fields))


@pytest.mark.parametrize(("hidden", "rows"), [((), 1), ((12, 8), 3), ((6,) * 11, MOST)], ids=["linear", "usual", "deep"])
def test_a_row_for_each_layer_and_three_curves_below(hidden, rows, tmp_path):
    figure = layers(trained(hidden))
    assert len(figure.axes) == 3 * rows + 3
    assert [axes.get_title(loc="left") for axes in figure.axes[-3:]] == ["norm of dW", "update / weights, norms", "dead units"]
    assert len(figure.axes[-3].get_lines()) == rows
    save_png(figure, tmp_path / "layers.png")
    assert (tmp_path / "layers.png").stat().st_size > 10_000


def test_histograms_are_densities():
    figure = layers(trained())
    patch = figure.axes[0].patches[-1]
    values, edges, _ = patch.get_data()
    assert np.sum(values * np.diff(edges)) == pytest.approx(1)
    assert patch.get_label() == "after 12 steps"


def test_only_runs_that_looked_have_the_layers_figure():
    assert "layers" in figures_of(trained())
    assert "layers" not in figures_of(trained(diagnostics="off"))


@pytest.mark.parametrize("loss", [None, MeanSquaredError("identity")], ids=["softmax", "identity"])
def test_reliability_shows_every_bin_that_has_images(loss, tmp_path):
    result = trained(**({"loss": loss} if loss else {}))
    figure = reliability(result)
    assert figure.texts[0].get_text() == f"Reliability: expected calibration error {result.metrics['test/ece']:.2%}"
    dots = figure.axes[0].get_lines()[1]
    images = figure.axes[1].patches[0].get_data().values
    assert len(dots.get_xdata()) == np.count_nonzero(images >= 1)
    assert images[images >= 1].sum() == len(result.data.test)
    save_png(figure, tmp_path / "reliability.png")
