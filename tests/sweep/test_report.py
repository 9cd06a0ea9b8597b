"""Ranking of a sweep's configurations."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import pytest
from made_up import child, grid
from rich.console import Console

from mnist_np.sweep.children import Child
from mnist_np.sweep.report import Spread, SweepReport
from mnist_np.sweep.tables import console_table, csv_text, markdown, rows, spread, summary


def run(overrides: dict[str, str], value: float, test: float = 0.5, status: str = "finished") -> Child:
    return replace(child(overrides, 0.9), status=status, metrics={"best/val_accuracy": value, "test/accuracy": test})


@pytest.fixture
def report() -> SweepReport:
    """adam: 0.96 and 0.98 by validation, worse in the test; sgd: 0.9, 0.92 and one diverged; zeros: failed."""
    return SweepReport(
        "optimizer-seed",
        [
            run({"optimizer": "sgd", "seed": "0"}, 0.90, 0.99),
            run({"optimizer": "sgd", "seed": "1"}, 0.92, 0.99),
            run({"optimizer": "sgd", "seed": "2"}, 0.999, 0.99, "diverged"),
            run({"optimizer": "adam", "seed": "0"}, 0.96, 0.10),
            run({"optimizer": "adam", "seed": "1"}, 0.98, 0.10),
            child({"optimizer": "zeros", "seed": "0"}, 0.1, "failed"),
        ],
        skipped=2,
    )


def test_spread_by_hand():
    """Mean 2, deviations -1, 0, 1: sample standard deviation 1."""
    assert Spread.of([1.0, 2.0, 3.0]) == Spread(3, 2.0, 1.0, 1.0, 3.0)
    assert Spread.of([4.0, math.nan]) == Spread(1, 4.0, None, 4.0, 4.0)
    assert Spread.of([math.nan]) is None


def test_validation_ranks_and_the_test_split_does_not(report):
    assert [c.values["optimizer"] for c in report.configurations] == ["adam", "sgd", "zeros"]
    assert report.best is not None
    assert report.best.overrides == {"optimizer": "adam", "seed": "1"}
    assert report.best_value == 0.98


def test_only_finished_runs_count(report):
    sgd = report.configurations[1]
    assert sgd.metric is not None
    assert (sgd.metric.n, sgd.metric.high) == (2, 0.92)
    assert sgd.metric.mean == pytest.approx(0.91)
    assert sgd.counts == {"finished": 2, "diverged": 1}
    assert report.configurations[2].metric is None


def test_counts(report):
    assert {status: n for status, n in report.counts.items() if n} == {"finished": 4, "diverged": 1, "failed": 1}
    assert report.overview() == "6 runs: 4 finished (2 of them earlier), 1 failed, 1 diverged"


def test_less_is_better_where_the_metric_is_minimised(report):
    report = replace(report, maximize=False)
    assert [c.values["optimizer"] for c in report.configurations] == ["sgd", "adam", "zeros"]
    assert report.best_value == 0.90
    assert rows(report)[0]["val/accuracy_best"] == 0.90


def test_csv_has_numbers_in_full(report):
    read = list(csv.DictReader(io.StringIO(csv_text(report))))
    assert float(read[0]["val/accuracy_mean"]) == pytest.approx(0.97)
    assert float(read[0]["val/accuracy_sd"]) == pytest.approx(0.02 / math.sqrt(2))
    assert [row["n"] for row in read] == ["2", "2", "0"]
    assert (read[2]["rank"], read[2]["val/accuracy_mean"], read[2]["failed"]) == ("", "", "1")
    assert read[0]["test/accuracy_mean"] == "0.1"
    assert float(read[0]["val/accuracy_low95"]) == pytest.approx(0.97 - 12.7062 * 0.01, rel=1e-5)
    assert float(read[1]["behind_best"]) == pytest.approx(0.97 - float(read[1]["val/accuracy_mean"]))
    assert 0 < float(read[1]["p"]) == float(read[1]["p_holm"]) < 1  # one pair only
    assert read[0]["p"] == read[2]["p"] == read[1]["p_wilcoxon"] == ""


def test_markdown_and_console_say_the_same(report):
    text = markdown(report).replace(" &emsp;", "")  # MLflow leaves no room between columns
    assert "| 1 | adam | 2 | 0.9700 ± 0.0141 | 0.8429 to 1.0000 | 0.9800 | 0.1000 ± 0.0000 |" in text
    assert "| 2≈ | sgd |" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert text.endswith(" seeds each would tell a difference of 1 pp")
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(console_table(report, 140))
    assert "0.9700 ± 0.0141" in console.export_text()


def test_further_objectives_stand_beside_the_metric(report):
    children = [replace(child, metrics=child.metrics | {"model/parameters": 101_770.0}) for child in report.children]
    report = replace(report, children=children, further={"model/parameters": False})
    assert rows(report)[0]["model/parameters_mean"] == 101_770
    text = markdown(report).replace(" &emsp;", "")
    assert "| 1 | yes | adam | 2 | 0.9700 ± 0.0141 | 0.8429 to 1.0000 | 0.9800 | 101,770 | 0.1000 ± 0.0000 |" in text


def test_further_objectives_give_way_to_what_ranks(report):
    report.further = {"model/parameters": False, "time/total_s": False}
    console = Console(width=60, file=io.StringIO())
    console.print(console_table(report, 60))
    said = " ".join(console.file.getvalue().split())
    assert "0.9700" in said
    assert "…" not in said
    assert "model/parameters mean ± sd, time/total_s mean ± sd" in said


def test_lists_are_not_markup_and_long_tables_say_that_they_are_cut():
    report = SweepReport("a|b", grid({"model.inits": {"[he_normal,null]": 0.0, "[bold]": 0.1, "a|b": 0.2}}, seeds=1))
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(console_table(report, 140, top=2))
    printed = console.export_text()
    assert "[he_normal,null]" in printed
    assert "[bold]" in printed
    assert "and 1 more configuration" in printed
    assert "a\\|b" in markdown(report)


def test_summary_is_json(report):
    read = json.loads(json.dumps(summary(report), allow_nan=False))
    assert read["best"]["overrides"] == {"optimizer": "adam", "seed": "1"}
    assert len(read["children"]) == 6


@pytest.mark.parametrize("children", [[], [child({}, 0.9)], grid({"lr": {"1": 0.0}}, seeds=1)])
def test_small_sweeps(children):
    report = SweepReport("small", children)
    assert markdown(report)
    assert csv_text(report).startswith("rank")
    assert report.params == []
    json.dumps(summary(report))


def test_no_validation_split_means_no_ranking():
    report = SweepReport("x", [replace(child({"lr": "1"}, 0.9), metrics={"test/accuracy": 0.9})])
    assert report.best is None
    assert report.configurations[0].metric is None


def test_a_mean_says_of_how_many_runs_it_is():
    """A metric of a plugin that is no number in two of three runs: the mean is of one."""
    children = [run({"lr": lr, "seed": seed}, 0.9) for lr in ("0.1", "0.2") for seed in "012"]
    for lost in (1, 2):
        del children[lost].metrics["best/val_accuracy"]
    report = SweepReport("made up", children)
    found = {row["lr"]: row["n"] for row in csv.DictReader(io.StringIO(csv_text(report)))}
    assert found == {"0.1": "1", "0.2": "3"}
    assert "| 1 of 3 &emsp; |" in markdown(report)
    assert "left out of the means: 2 finished runs without a finite best/val_accuracy" in markdown(report)


def test_the_verdict_counts_runs_whose_seed_another_key_brings():
    values = {"a": (0.96, 0.98), "b": (0.90, 0.92)}
    runs = {group: [run({"experiment": f"{group}{i}"}, value) for i, value in enumerate(two)] for group, two in values.items()}
    report = SweepReport("experiment", [replace(child, group=group) for group, children in runs.items() for child in children])
    assert [sorted(of_seed.values()) for of_seed in report.verdict.configurations] == [[0.96, 0.98], [0.90, 0.92]]
    assert "n = 2" in report.verdict.sentence()


def test_a_metric_that_is_never_a_number_is_not_called_missing_validation():
    children = [run({"lr": lr}, 0.9) for lr in ("0.1", "0.2")]
    said = markdown(SweepReport("made up", children, "best/val_ece"))
    assert "not ranked: the runs have no best/val_ece that is a finite number" in said


@pytest.mark.parametrize(
    ("values", "text"),
    [((69.5, 3e10), "1.5e+10 ± 2.121e+10"), ((1e-5, 3e-5), "2e-05 ± 1.414e-05"), ((0.9, 0.92), "0.9100 ± 0.0141")],
)
def test_a_spread_is_as_readable_as_its_mean(values, text):
    assert spread(Spread.of(values)) == text
