"""The model registry's pages after ``tracking.register``: the name, the champion, and why it is the champion."""

from __future__ import annotations

import pytest
from conftest import MODEL
from small_sweep import report_of

from mnist_np.sweep.values import title

pytestmark = pytest.mark.browser

WHY = "yes: there was no champion"


def test_from_the_runs_one_click_leads_to_the_registry_and_one_more_to_the_champion(page, pages, outputs):
    page.goto(pages["newest runs"])
    page.get_by_role("link", name="Model registry").click()
    page.get_by_role("button", name="Try it now").click()  # MLflow's dialogue on the first visit
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=MODEL, exact=True))
    row.get_by_text("Version 1").first.wait_for()
    row.get_by_text("@ champion").wait_for()
    row.get_by_role("link", name=MODEL, exact=True).click()
    version = page.get_by_role("row").filter(has=page.get_by_role("link", name="Version 1"))
    version.get_by_text("@ champion").wait_for()
    accuracy = f"val/accuracy {report_of(outputs).best.metrics['best/val_accuracy']:.4f}"
    version.get_by_text(accuracy).wait_for()
    version.get_by_role("link", name="Version 1").click()
    page.get_by_text(f"{accuracy} (128 images); champion: {WHY}").wait_for()
    page.get_by_role("cell", name=WHY).wait_for()


def test_a_version_leads_to_its_run_and_back(page, pages, outputs):
    best = report_of(outputs).best
    page.goto(f"{pages['newest runs'].partition('#')[0]}#/models/{MODEL}/versions/1")
    page.get_by_role("link", name=title(best.overrides)).click()
    page.get_by_text(best.run_id).first.wait_for()
    page.get_by_role("heading", name="Registered models").wait_for()
    page.get_by_role("link", name=MODEL, exact=True).first.click()
    page.get_by_role("heading", name="Version 1").wait_for()


def test_the_list_of_logged_models_names_the_version(page, pages):
    page.goto(pages["newest runs"])
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("link", name="model", exact=True).wait_for()
    page.get_by_role("link", name=MODEL).wait_for()
