"""Figures of sweeps: which are drawn, that they hold what they should, and that no sweep breaks them."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sweep"))
from made_up import child, grid

from mnist_np.figures.style import shorten
from mnist_np.figures.sweep.curves import learning_curves, spread_out
from mnist_np.figures.sweep.draw import FIGURES, figures
from mnist_np.figures.sweep.effects import main_effects
from mnist_np.figures.sweep.heatmap import heat_map
from mnist_np.figures.sweep.interactions import interactions
from mnist_np.figures.sweep.scales import metric_scale, param_scale
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.values import Param

OPTIMIZER = {"sgd": 0.3, "adam": -0.2}
LR = {"1e-4": 1.0, "1e-3": 0.0, "0.01": 0.1, "0.1": 2.0}


def named(report):
    return dict(figures(report))


def drawn(figure) -> str:
    """All texts of a figure, drawn as it is when it is saved; layout warnings are errors in the tests."""
    figure.canvas.draw()
    return "\n".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def test_two_params():
    report = SweepReport("optimizer-lr", grid({"optimizer": OPTIMIZER, "optimizer.lr": LR}))
    found = named(report)
    assert list(found) == [name for name in FIGURES if name != "pareto_front"]  # which takes several objectives
    assert "adam, 1e-3" in drawn(found["learning_curves"])
    assert "mean over seeds" in drawn(found["heat_map"])


def test_no_pyplot():
    named(SweepReport("x", grid({"optimizer": OPTIMIZER})))
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize(
    "children",
    [
        pytest.param([], id="empty"),
        pytest.param([child({"lr": "1", "seed": "0"}, 0.9)], id="one"),
        pytest.param([child({"lr": str(i)}, 0.9, "failed") for i in range(3)], id="all failed"),
        pytest.param([child({"lr": str(i)}, 0.9, "diverged") for i in range(3)], id="all diverged"),
        pytest.param([child({"lr": str(i)}, 0.9, "queued") for i in range(3)], id="not begun"),
        pytest.param([replace(c, history=[]) for c in grid({"lr": LR})], id="no histories"),
        pytest.param(grid({"init": OPTIMIZER}, seeds=1, epochs=1), id="one epoch"),
        pytest.param(grid({"very.long." * 9 + "key": {"[relu,tanh,gelu,relu]" * 3: 0, "b" * 90: 1}, "x": LR}), id="long names"),
        pytest.param(grid({f"param{i}": {"1": 0.0, "2": 0.1} for i in range(5)}, seeds=1), id="five params"),
        pytest.param(grid({"lr": {repr(10 ** -(i / 9)): i / 30 for i in range(40)}}, seeds=1), id="forty values"),
        pytest.param([replace(c, metrics={"best/val_accuracy": 1.0}) for c in grid({"lr": LR, "x": LR})], id="all the same"),
    ],
)
def test_every_sweep_can_be_drawn(children, caplog):
    with caplog.at_level(logging.ERROR):
        for figure in named(SweepReport("some name", children)).values():
            drawn(figure)
    assert not caplog.records


def test_what_did_not_finish_is_shown():
    children = grid({"optimizer": OPTIMIZER, "optimizer.lr": LR})
    children[3:6] = [replace(c, status="diverged", history=c.history[:2]) for c in children[3:6]]
    children[0] = replace(children[0], status="failed", history=[])
    report = SweepReport("x", children)
    found = named(report)
    assert "3 diverged" in drawn(found["heat_map"])
    assert "1 failed" in drawn(found["heat_map"])
    assert "4 diverged or failed" in drawn(found["main_effects"])
    assert "20 finished, 1 failed, 3 diverged" in drawn(found["learning_curves"])


def test_only_the_best_is_named_among_many():
    figure = learning_curves(SweepReport("x", grid({"a": LR, "b": {str(i): i / 10 for i in range(4)}})))
    assert figure is not None
    labels = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert labels == {"1e-3, 0"}


def test_heat_map_takes_the_params_that_matter_most():
    effects = {"idle": {"a": 0.0, "b": 0.0}, "lr": LR, "width": {"[32]": 0.5, "[64]": 0.0}}
    figure = heat_map(SweepReport("x", grid(effects)))
    assert figure is not None
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("lr", "width")
    assert "mean over seeds, idle" in drawn(figure)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(LR)


def test_a_random_search_has_no_heat_map():
    rng = np.random.default_rng(0)
    children = [child({"lr": repr(rng.uniform()), "momentum": repr(rng.uniform())}, 0.9) for _ in range(12)]
    assert heat_map(SweepReport("x", children)) is None


def test_accuracies_are_spaced_by_their_error():
    """0.9 -> 0.99 is as far as 0.99 -> 0.999; a narrow range stays linear."""
    wide = metric_scale("val/accuracy", [0.5, 0.999])
    assert float(wide.forward(0.99) - wide.forward(0.9)) == pytest.approx(float(wide.forward(0.999) - wide.forward(0.99)))
    assert float(metric_scale("val/accuracy", [0.97, 0.98]).forward(0.975)) == 0.975
    assert float(metric_scale("val/loss", [0.01, 1.0]).forward(0.1)) == pytest.approx(-1)


def test_means_are_those_of_the_values_whatever_the_axis():
    """The mean of 0.10, 0.985 and 0.985 is 0.69; that of their places on an axis of log-errors would be read as 0.94."""
    accuracies = {"a": (0.1, 0.985, 0.985), "b": (0.5, 0.999, 0.999)}
    children = [
        replace(
            child({"init": init, "seed": str(seed)}, 0.9),
            metrics={"best/val_accuracy": value},
            history=[{"epoch": 1.0, "val/accuracy": value}],
        )
        for init, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    report = SweepReport("x", children)
    scale = metric_scale(report.column, [value for values in accuracies.values() for value in values])
    means, sds = np.mean([*accuracies.values()], axis=1), np.std([*accuracies.values()], axis=1, ddof=1)
    expected = np.stack([means - sds, means, means + sds], axis=1)
    (axes,) = main_effects(report).axes
    (bars,) = axes.containers
    np.testing.assert_allclose(bars.lines[0].get_ydata(), scale.forward(expected[:, 1]))
    (segments,) = (collection.get_segments() for collection in bars.lines[2])
    np.testing.assert_allclose([[low, high] for (_, low), (_, high) in segments], scale.forward(expected[:, [0, 2]]))

    ends = {line.get_ydata()[-1] for line in learning_curves(report).axes[0].lines}
    np.testing.assert_allclose(sorted(ends), sorted(scale.forward(expected[:, 1])))


@pytest.mark.parametrize(
    ("low", "high"), [(0.1, 0.98), (0.9, 0.97), (0.93, 0.98), (0.0, 1.0), (0.98, 0.9999), (0.1, 0.11), (0.97, 0.9701), (0.5, 0.5)]
)
def test_axes_have_ticks(low, high):
    scale = metric_scale("val/accuracy", [low, high])
    assert 1 <= len(scale.ticks) <= 10
    assert all(-0.1 <= float(scale.unit(value)) <= 1.1 for value, _ in scale.ticks)


def test_few_numbers_are_ticked_as_written():
    assert [label for _, label in param_scale(Param.of("lr", LR)).ticks] == list(LR)
    assert [label for _, label in param_scale(Param.of("lr", [repr(10 ** (-i / 9)) for i in range(40)])).ticks] == [
        "0.0001", "0.001", "0.01", "0.1", "1",
    ]  # fmt: skip


def test_labels_do_not_overlap():
    heights = spread_out([0.0, 0.01, 0.02, 0.9], gap=0.1)
    assert min(np.diff(heights)) >= 0.1 - 1e-9
    assert heights[0] >= 0
    assert heights[-1] <= 1


def test_shorten():
    assert shorten("short") == "short"
    assert shorten("a" * 20 + "b" * 20, 11) == "aaaaa…bbbbb"


def test_interactions_are_the_means_of_the_runs():
    report = SweepReport("optimizer-lr", grid({"optimizer": OPTIMIZER, "optimizer.lr": LR}))
    figure = interactions(report)
    assert "mean over seeds" in drawn(figure)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "optimizer.lr"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["adam", "sgd"]
    for line in axes.lines:
        values = [
            np.mean(
                [
                    report.value(c)
                    for c in report.children
                    if c.configuration == {"optimizer": line.get_label(), "optimizer.lr": lr}
                ]
            )
            for lr in LR
        ]
        scale = metric_scale(report.column, [report.value(c) for c in report.children])
        assert line.get_ydata() == pytest.approx(scale.forward(values))


@pytest.mark.parametrize(
    "levels",
    [{"optimizer": OPTIMIZER}, {"optimizer": OPTIMIZER, "init": OPTIMIZER}, {"optimizer": OPTIMIZER, "lr": {"0.1": 0, "0.2": 1}}],
    ids=["one", "words", "two values"],
)
def test_no_interactions_without_a_curve(levels):
    assert interactions(SweepReport("x", grid(levels))) is None


def test_a_random_search_has_no_interactions():
    children = [child({"lr": f"0.{i:03}", "optimizer": "ab"[i % 2] + str(i)}, 0.9) for i in range(1, 9)]
    assert interactions(SweepReport("x", children)) is None


@pytest.mark.parametrize(
    "name", ["weight_decay x seed (sweep=phenomena/weight_decay)", "model.hidden x training.batch_size x seed"]
)
def test_titles_fit_into_their_figures(name):
    for levels in ({"optimizer.lr": LR}, {"optimizer": OPTIMIZER, "optimizer.lr": LR}):
        for which, figure in figures(SweepReport(name, grid(levels))):
            figure.canvas.draw()
            box = figure._suptitle.get_window_extent()
            assert box.x0 >= 0, which
            assert box.x1 <= figure.bbox.x1, which
