"""The MLflow UI as a person meets it: our command, the addresses that it prints, and a real browser.

Needs chromium (Debian: ``apt-get install chromium``) and ``pip install mnist-np[browser]``. Screenshots are left in the folder
that the environment variable ``SCREENSHOTS`` names, else in pytest's temporary one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'mnist-np[browser]'")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tracking"))

from small_sweep import run_sweep, sweep_folder  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH: apt-get install chromium"),
]

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60_000
"""Milliseconds that a page may take: the first one compiles, and the machine may be busy."""

AXES = ".parcoords .dimension .label"
"""The names above the axes of parallel coordinates."""

NO_ASSISTANT = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
"""MLflow opens a panel of its assistant over a third of the first page that it ever shows."""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("outputs")
    run_sweep(path, figures=True)
    return path


@pytest.fixture(scope="module")
def pages(outputs) -> Iterator[dict[str, str]]:
    """The addresses that ``scripts/ui.py`` prints, while it serves them."""
    command = [sys.executable, str(ROOT / "scripts" / "ui.py"), "--outputs", str(outputs), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=outputs) as process:
        assert process.stdout is not None
        found = {}
        for line in process.stdout:
            if match := re.match(r"(.+?)\s+(http://\S+)$", line.strip()):
                found.setdefault(match[1], match[2])
            elif line.startswith("Ctrl-C"):
                break
        yield found
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> Iterator[playwright.BrowserContext]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1600, "height": 1250})
        context.add_init_script(NO_ASSISTANT)
        context.set_default_timeout(PATIENCE)
        yield context
        browser.close()


@pytest.fixture
def page(context, request, tmp_path) -> Iterator[playwright.Page]:
    """A fresh tab; its last state is kept as a picture."""
    page = context.new_page()
    yield page
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(1000)  # let what moves come to rest
    page.screenshot(path=folder / f"{request.node.name}.png")
    page.close()


def test_the_sweeps_page_shows_its_children_and_their_curves(page, pages):
    page.goto(pages["all runs"])
    page.get_by_text("8 matching runs").wait_for()
    assert page.get_by_role("link", name=re.compile("optimizer=")).count() == 8
    curves = page.locator(".plot-container .scatterlayer .trace.scatter")
    curves.first.wait_for()
    page.wait_for_function("document.querySelectorAll('.scatterlayer .trace.scatter').length >= 16")
    assert page.get_by_text("val/accuracy", exact=True).first.is_visible()
    assert page.get_by_text("val/loss", exact=True).first.is_visible()


def test_the_comparison_shows_parallel_coordinates_of_just_what_varies(page, pages):
    page.goto(pages["the best runs"])
    page.locator(AXES).first.wait_for()
    assert page.locator(AXES).all_text_contents() == ["optimizer", "model.hidden", "seed", "best/val_accuracy"]


def test_means_over_seeds_are_grouped_by_what_varies(page, pages):
    page.goto(pages["means over seeds"])
    groups = page.get_by_text(re.compile(r"^Group: "))
    groups.first.wait_for()
    assert groups.count() == 4


def test_the_parents_page_tells_the_story(page, pages):
    page.goto(pages["latest sweep"])
    page.get_by_text("8 runs: 8 finished").wait_for()
    page.get_by_text("Show more").click()
    page.get_by_text("val/accuracy mean ± sd").wait_for()
    with page.context.expect_page() as opened:  # the note's links open in tabs of their own
        page.get_by_role("link", name="the best runs").click()
    opened.value.locator(AXES).first.wait_for()
    opened.value.close()


def test_a_sweeps_figures_are_on_its_parents_page(page, pages):
    show_artifact(page, pages["latest sweep"], "figures/parallel_coordinates.png")


def test_a_runs_page_shows_its_figures(page, pages):
    show_artifact(page, pages["latest run"], "figures/learning_curves.png")


def test_mlflows_own_comparison_takes_them_too(page, pages, outputs):
    from mnist_np.tracking.links import comparison_page

    ids = [child.run_id for child in sweep_folder(outputs).children()]
    page.goto(pages["latest run"].partition("#")[0] + comparison_page("1", ids))
    page.get_by_text("Comparing 8 Runs from 1 Experiment").wait_for()


def show_artifact(page: playwright.Page, run: str, path: str) -> None:
    """Open a run's picture and see that it is really drawn."""
    address, _, query = run.partition("?")
    page.goto(f"{address}/artifacts/{path}?{query}")
    picture = page.locator("img[src^='blob:'], img[src*='artifact']")
    picture.first.wait_for()
    page.wait_for_function("[...document.images].some(image => image.naturalWidth > 400)")
