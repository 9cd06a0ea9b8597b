"""Addresses and saved views of MLflow's UI, as text; whether they open the right pages is for the browser tests."""

from __future__ import annotations

import base64
import json
import sys
import zlib
from pathlib import Path
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).parents[1] / "sweep"))
from made_up import grid

from mnist_np.sweep.report import SweepReport
from mnist_np.tracking.links import comparison_page, run_page, runs_page, view_page
from mnist_np.tracking.views import MOST, packed, saved_pages, views


def query(page: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(page.partition("?")[2]).items()}


def test_runs_are_sorted_by_the_metric_in_the_right_direction():
    page = runs_page("1", "val/loss", maximize=False, where="tags.sweep = 'x'")
    assert page.startswith("#/experiments/1/runs?")
    assert query(page) == {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "orderByKey": "metrics.`val/loss`",
        "orderByAsc": "true",
        "searchFilter": "tags.sweep = 'x'",
    }


def test_other_pages():
    assert json.loads(query(comparison_page("1", ["a", "b"]))["runs"]) == ["a", "b"]
    assert run_page("1", "a", "artifacts/figures/x y.png").startswith("#/experiments/1/runs/a/artifacts/figures/x%20y.png?")
    assert query(view_page("1", "key"))["viewStateShareKey"] == "key"


def report(seeds: int = 2) -> SweepReport:
    return SweepReport("x", grid({"optimizer": {"sgd": 0.3, "adam": 0.0}, "optimizer.lr": {"0.1": 0.0, "1": 1.0}}, seeds))


def test_a_view_shows_just_what_varies():
    state = views(report(), "parent")["best"]
    (parallel,) = [chart for chart in state["compareRunCharts"] if chart["type"] == "PARALLEL"]
    assert parallel["selectedParams"] == ["optimizer", "optimizer.lr", "seed"]
    assert parallel["selectedMetrics"] == ["best/val_accuracy"]
    assert "id-optimizer=adam-optimizer.lr=0.1-seed=0" in state["searchFilter"]


def test_means_only_where_there_are_several_seeds():
    means = views(report(), "parent")["means"]
    assert [key["groupByData"] for key in means["groupBy"]["groupByKeys"]] == ["optimizer", "optimizer.lr"]
    assert list(views(report(seeds=1), "parent")) == ["all", "best"]
    assert list(views(SweepReport("nothing yet", []), "parent")) == ["all"]


def test_packed_views_fit_and_unpack():
    many = SweepReport(
        "x" * 200, grid({f"some.rather.long.name{i}": {str(v): v / 9 for v in range(3)} for i in range(5)}, seeds=1)
    )
    for state in views(many, "parent").values():
        value = packed(state)
        assert len(value) < MOST / 4
        assert json.loads(zlib.decompress(base64.b64decode(value.removeprefix("deflate;")))) == state


def test_saved_pages_are_those_that_were_saved():
    tags = {"mlflow.sharedViewState.sweep-1-all": "", "mlflow.sharedViewState.sweep-2-best": ""}
    assert list(saved_pages(tags, "7", "1")) == ["all runs"]
