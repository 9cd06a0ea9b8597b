"""A sweep of more runs than MLflow loads, by the real command line, in a real browser: its views show the numbers of its CSV.

MLflow's page loads 100 runs, the best ones first. Means that it makes of those by itself lack the bad seeds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, ui
from expected import check_means, check_runs, ranked_rows
from grid import charts, table

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]

SWEEP = [
    "data=synthetic", "training.epochs=2", "tracking.figures=false", "hydra/launcher=local",
    "optimizer=sgd,adam,momentum,rmsprop,nadam", "model.hidden=[8],[16],[24],[32],[48]", "seed=range(12)",
]  # fmt: skip
N, CONFIGURATIONS = 300, 25

LARGE = pytest.mark.parametrize("page", [(2600, 4600)], indirect=True)
"""A window in which all rows and columns are shown."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The sweep's folder."""
    outputs = tmp_path_factory.mktemp("large")
    command = [sys.executable, "-m", "mnist_np", "train", "-m", f"outputs={outputs}", *SWEEP]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1500, stdout=subprocess.DEVNULL)
    (folder,) = (outputs / "sweeps").iterdir()
    return folder


@pytest.fixture(scope="module")
def pages(folder) -> Iterator[dict[str, str]]:
    with ui(folder.parents[1]) as found:
        yield found


@LARGE
def test_the_means_are_those_of_the_csv(page, pages, folder):
    rows = ranked_rows((folder / "configurations.csv").read_text())
    assert [row["n"] for row in rows] == [12] * CONFIGURATIONS
    page.goto(pages["means over seeds"].replace("&compareRunsMode=CHART", ""))
    check_means(table(page, CONFIGURATIONS), rows)


@pytest.mark.parametrize("page", [(2600, 1600)], indirect=True)
def test_the_bars_of_the_means_are_those_of_the_csv(page, pages, folder):
    rows = ranked_rows((folder / "configurations.csv").read_text())
    page.goto(pages["means over seeds"])
    page.wait_for_function("[...document.querySelectorAll('.js-plotly-plot')].length >= 4")
    page.wait_for_timeout(3000)
    (shown,) = charts(page, "bar")[0]
    means = sorted((row["val/accuracy_mean"] for row in rows), reverse=True)
    assert sorted(shown["x"], reverse=True) == means[: len(shown["x"])]
    assert len(shown["x"]) >= 20


@LARGE
def test_the_runs_are_the_best_hundred_and_called_so(page, pages, folder):
    children = json.loads((folder / "summary.json").read_text())["children"]
    assert len(children) == N
    assert "all runs" not in pages
    page.goto(pages[f"best 100 of {N} runs"].replace("&compareRunsMode=CHART", ""))
    check_runs(table(page, 100), [child["metrics"] for child in children])


def test_the_best_ten_are_compared(page, pages):
    page.goto(pages["best 10 runs"])
    page.get_by_text("10 matching runs").wait_for()
