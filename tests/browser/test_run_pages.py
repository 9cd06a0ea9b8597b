"""The pages of single runs and of a sweep's parent, at 1440 pixels: what they show, and that nothing is cut off."""

from __future__ import annotations

import pytest
from small_sweep import NAME

pytestmark = pytest.mark.browser


def tab(run: str, path: str) -> str:
    """The address of a tab of a run's page."""
    address, _, query = run.partition("?")
    return f"{address}/{path}?{query}"


def test_the_parents_page_has_all_that_is_known_of_the_sweep(page, pages):
    page.goto(pages["latest sweep"])
    page.get_by_text("8 runs: 8 finished").wait_for()
    page.get_by_role("link", name="means over seeds").wait_for()
    page.get_by_text("Show more").click()
    page.get_by_text("val/accuracy mean ± sd").wait_for()
    assert page.get_by_text("Continue it, or extend it by further values").is_visible()
    assert page.locator("code", has_text="-m training.epochs=3 optimizer=sgd,adam").is_visible()
    wait_for_picture(page)
    assert page.get_by_text("training.epochs", exact=True).is_visible(), "a fixed override is a param"
    for zero in ("n/failed", "n/diverged", "n/killed"):
        assert page.get_by_text(zero).count() == 0
    nothing_is_cut_off(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="best 8 runs").click()
    opened.value.get_by_text("8 matching runs").wait_for()


def test_a_runs_page_shows_its_curves_beside_what_it_is(page, pages):
    page.goto(pages["latest run"])
    page.get_by_text("test accuracy").first.wait_for()
    page.get_by_text("Show more").click()
    wait_for_picture(page)
    nothing_is_cut_off(page)
    page.get_by_text("Metrics (19)").wait_for()


def test_classes_are_a_table(page, pages):
    page.goto(tab(pages["latest run"], "artifacts/per_class.json"))
    for column in ("class", "examples", "precision", "recall", "f1"):
        page.get_by_role("columnheader", name=column).wait_for()


@pytest.mark.parametrize(
    ("run", "path"), [("latest run", "figures/first_layer.png"), ("latest sweep", "figures/parallel_coordinates.png")]
)
def test_figures_are_artifacts(page, pages, run, path):
    page.goto(tab(pages[run], f"artifacts/{path}"))
    page.locator("img[src^='blob:'], img[src*='artifact']").first.wait_for()
    wait_for_picture(page)


def test_a_summary_says_what_it_is_and_leads_to_its_runs(page, pages):
    page.goto(pages["means over seeds"])
    page.get_by_role("link", name="μ sgd [16]").click()
    page.get_by_text("The mean of 2 runs that differ by seed alone").wait_for()
    page.get_by_role("link", name=NAME).first.wait_for()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="its runs").click()
    opened.value.get_by_text("2 matching runs").wait_for()


def wait_for_picture(page) -> None:
    """A picture that is really drawn."""
    page.wait_for_function("[...document.images].some(image => image.naturalWidth > 400)")


def nothing_is_cut_off(page) -> None:
    """The column beside the note lies within the window."""
    width = page.viewport_size["width"]
    for text in ("Run ID", "Created by"):
        row = page.get_by_text(text, exact=True).first.locator("xpath=..").bounding_box()
        assert row["x"] + row["width"] <= width, (text, row)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
