"""Addresses and saved views of MLflow's UI, as text; whether they open the right pages is for the browser tests."""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
import zlib
from pathlib import Path
from urllib.parse import parse_qs

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sweep"))
from made_up import grid

from mnist_np.sweep.report import SweepReport
from mnist_np.tracking.images import KEYS
from mnist_np.tracking.links import comparison_page, run_page, runs_page, view_page
from mnist_np.tracking.saved_views import LONGEST, PREFIX, packed
from mnist_np.tracking.views import saved_pages, views


def unpacked(value: str) -> dict:
    return json.loads(zlib.decompress(base64.b64decode(value.removeprefix("deflate;"))))


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
    assert comparison_page("1", ["a"]).startswith("#/compare-runs?runs="), "which MLflow looks for by '?runs'"
    assert run_page("1", "a", "artifacts/figures/x y.png").startswith("#/experiments/1/runs/a/artifacts/figures/x%20y.png?")
    assert query(view_page("1", "key"))["viewStateShareKey"] == "key"


def report(seeds: int = 2) -> SweepReport:
    return SweepReport("x", grid({"optimizer": {"sgd": 0.3, "adam": 0.0}, "optimizer.lr": {"0.1": 0.0, "1": 1.0}}, seeds))


BEST = ["a", "b"]


def test_a_view_shows_just_what_varies():
    state = views(report(), "1", BEST)["best"].state
    (parallel,) = [chart for chart in state["compareRunCharts"] if chart["type"] == "PARALLEL"]
    assert parallel["selectedParams"] == ["optimizer", "optimizer.lr", "seed"]
    assert parallel["selectedMetrics"] == ["best/val_accuracy"]
    assert state["searchFilter"] == "attributes.run_id IN ('a', 'b')"


def test_means_only_where_there_are_several_seeds():
    assert list(views(report(), "1", BEST)) == ["means", "runs", "best"]
    assert list(views(report(seeds=1), "1", BEST)) == ["runs", "best"]
    assert list(views(SweepReport("nothing yet", []), "1")) == ["runs"]


def test_no_view_is_made_of_runs_that_the_page_may_not_have_loaded():
    for view in views(report(seeds=40), "1").values():
        assert view.state["groupBy"] is None
    assert "sweep_role = 'configuration'" in views(report(), "1")["means"].state["searchFilter"]
    assert "sweep_role = 'child'" in views(report(), "1")["runs"].state["searchFilter"]


@pytest.mark.parametrize(
    ("values", "seeds", "names"),
    [
        (4, 2, ["means over seeds", "all runs"]),
        (10, 11, ["means over seeds", "best 100 of 110 runs"]),
        (101, 2, ["means over seeds, best 100 of 101", "best 100 of 202 runs"]),
    ],
)
def test_names_say_all_only_of_all(values, seeds, names):
    many = SweepReport("x", grid({"optimizer.lr": {str(v): v / values for v in range(values)}}, seeds))
    assert [view.name.removeprefix("x: ") for view in list(views(many, "1").values())[:2]] == names


def test_packed_views_fit_and_unpack():
    many = SweepReport(
        "x" * 200, grid({f"some.rather.long.name{i}": {str(v): v / 9 for v in range(3)} for i in range(5)}, seeds=1)
    )
    for view in views(many, "1", [f"{i:032x}" for i in range(10)]).values():
        value = packed(view.state)
        assert len(value) < LONGEST / 4
        assert unpacked(value) == view.state


def test_saved_pages_are_those_that_were_saved():
    envelope = json.dumps({"name": "x: y: best 100 of 288 runs", "createdAt": 1, "updatedAt": 1, "state": "deflate;"})
    tags = {f"{PREFIX}sweep-1-runs": envelope, f"{PREFIX}sweep-1-best": "deflate;", f"{PREFIX}sweep-2-best": "", "x": "{"}
    assert list(saved_pages(tags, "7", "1")) == ["best 100 of 288 runs", "the best runs"]
    assert saved_pages({f"{PREFIX}sweep-1-best": "{broken"}, "7", "1") == {}


def test_a_sweeps_views_have_a_card_of_each_where_there_are_pictures(tmp_path):
    report = SweepReport("x", grid({"optimizer": {"sgd": 0.3, "adam": 0.0}}))
    assert not of_kind(report, "IMAGE")
    (tmp_path / "images").mkdir()
    for key in KEYS[:2]:
        for epoch in (0, 2, 10):
            (tmp_path / f"images/{key.replace('/', '~')}+step+{epoch}+timestamp+1+2.png").touch()
    with_pictures = [dataclasses.replace(child, folder=tmp_path) for child in report.children]
    cards = of_kind(SweepReport("x", with_pictures), "IMAGE")
    assert [card["imageKeys"] for card in cards] == [[key] for key in KEYS[:2]]
    assert {card["step"] for card in cards} == {10}


def of_kind(report, kind):
    """The cards of this kind in the view of the runs."""
    return [card for card in views(report, "1")["runs"].state["compareRunCharts"] if card["type"] == kind]
