"""The views of a sweep in a real browser: they show the numbers of the sweep's CSV."""

from __future__ import annotations

import re

import pytest
from expected import check_means, check_runs, curve_of_means, ranked_rows
from grid import charts, table
from small_sweep import NAME, report_of

from mnist_np.sweep.tables import csv_text
from mnist_np.sweep.values import title
from mnist_np.tracking.links import comparison_page

pytestmark = pytest.mark.browser

AXES = ".parcoords .dimension .label"
"""The names above the axes of parallel coordinates."""

OF_EPOCHS = "image => image.src.includes('images~') || image.src.includes('images%7E')"

WIDE = pytest.mark.parametrize("page", [(2600, 1600)], indirect=True)


@WIDE
def test_the_means_are_those_of_the_csv(page, pages, outputs):
    page.goto(pages["means over seeds"].replace("&compareRunsMode=CHART", ""))
    rows = ranked_rows(csv_text(report_of(outputs)))
    check_means(table(page, len(rows)), rows)


@WIDE
def test_the_charts_of_the_means_are_those_of_the_csv(page, pages, outputs):
    page.goto(pages["means over seeds"])
    wait_for_axes(page, ["optimizer", "model.hidden", "val/accuracy_mean"])
    page.wait_for_function("[...document.querySelectorAll('.js-plotly-plot')].length >= 4")
    page.wait_for_function("document.querySelectorAll('.scatterlayer .trace.scatter').length >= 8")
    report = report_of(outputs)
    means = sorted(row["val/accuracy_mean"] for row in ranked_rows(csv_text(report)))
    assert sorted(charts(page, "bar")[0][0]["x"]) == means
    for configuration in report.configurations:
        expected = curve_of_means(configuration, "val/accuracy")
        name = f"μ {title(configuration.values)}"
        drawn = [trace["y"] for trace in charts(page, "scatter")[0] if trace["name"] == name]
        assert drawn
        assert all(y == pytest.approx(expected, abs=1e-12) for y in drawn)


@WIDE
def test_all_runs_are_all_runs_best_first(page, pages, outputs):
    page.goto(pages["all runs"].replace("&compareRunsMode=CHART", ""))
    check_runs(table(page, 8), [child.metrics for child in report_of(outputs).children])


def test_their_curves_are_drawn(page, pages):
    page.goto(pages["all runs"])
    page.get_by_text("8 matching runs").wait_for()
    page.wait_for_function("document.querySelectorAll('.scatterlayer .trace.scatter').length >= 16")
    assert page.get_by_text("val/accuracy", exact=True).first.is_visible()


@WIDE  # MLflow draws the cards that are in the window, and cuts the middle of a long name out where a card is narrow
def test_the_best_are_compared_by_just_what_varies(page, pages):
    page.goto(pages["best 8 runs"])
    wait_for_axes(page, ["optimizer", "model.hidden", "seed", "best/val_accuracy"])
    page.get_by_text("Show differences only").wait_for()


@pytest.mark.parametrize("page", [(2600, 2600)], indirect=True)
def test_the_pictures_of_the_last_epoch_stand_side_by_side(page, pages):
    page.goto(pages["best 8 runs"])
    page.wait_for_function(f"[...document.images].filter({OF_EPOCHS}).length == {3 * 8}")
    shown = page.evaluate(f"[...document.images].filter({OF_EPOCHS}).map(image => decodeURIComponent(image.src))")
    for key in ("images~first_layer", "images~confusion", "images~hardest"):
        assert sum(f"{key}+step+3+" in source for source in shown) == 8
    assert page.locator("input[type=text], input[type=number]").evaluate_all("fields => fields.map(f => f.value)").count("3") == 3


@WIDE
@pytest.mark.parametrize(("view", "n"), [("best 8 runs", 8), ("means over seeds", 4)])
def test_no_two_curves_have_the_same_colour(page, pages, view, n):
    page.goto(pages[view])
    page.wait_for_function(f"document.querySelectorAll('.scatterlayer .trace.scatter').length >= {2 * n}")
    lines = page.locator(".js-plotly-plot").filter(has=page.locator(".scatterlayer .trace")).first.locator(".js-line")
    strokes = lines.evaluate_all("lines => lines.map(line => line.style.stroke)")
    assert len(set(strokes)) == n, "each is drawn twice: as a line, and in the legend"


def wait_for_axes(page, names: list[str]) -> None:
    """Parallel coordinates of just these."""
    page.locator(AXES).nth(len(names) - 1).wait_for()
    assert page.locator(AXES).all_text_contents() == names


def test_the_menu_lists_the_views_by_their_names(page, pages):
    page.goto(pages["newest runs"])
    page.get_by_test_id("saved-views-trigger").click()
    names = ["newest runs", "all sweeps", *(f"{NAME}: {view}" for view in ("means over seeds", "all runs", "best 8 runs"))]
    for name in names:
        page.get_by_role("menuitem", name=name).wait_for()
    page.get_by_role("menuitem", name=f"{NAME}: means over seeds").click()
    page.get_by_text("4 matching runs").wait_for()


def test_names_can_be_told_apart_in_a_narrow_list(page, pages):
    page.goto(pages["all runs"])
    page.get_by_text("8 matching runs").wait_for()
    names = page.get_by_role("link", name=re.compile(r" s\d$")).all_text_contents()
    assert len({name[:20] for name in names}) == 8
    assert "sgd [16] s0" in names


def test_mlflows_own_comparison_is_in_model_training_mode(page, pages, outputs):
    ids = [child.run_id for child in report_of(outputs).children]
    page.goto(pages["latest run"].partition("#")[0] + comparison_page("1", ids))
    page.get_by_text("Comparing 8 Runs from 1 Experiment").wait_for()
    assert page.get_by_role("link", name="Model registry").is_visible(), "the menu of model training"
