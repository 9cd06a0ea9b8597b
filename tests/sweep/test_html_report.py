"""A sweep as a page of HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made_up import child, grid

from mnist_np.sweep.html_report import MOST, html_report
from mnist_np.sweep.report import SweepReport

VOID = {"meta", "img"}


class Strict(HTMLParser):
    """Every element closed in order; nothing that loads or runs anything."""

    def __init__(self, page):
        super().__init__()
        self.open, self.found, self.text = [], [], ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag not in ("script", "iframe", "link", "object")
        for name, value in attributes:
            assert not name.startswith("on")
            assert name != "href"
            assert name != "src" or value.startswith("data:image/png;base64,")
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def report():
    return SweepReport(
        "optimizer x seed", grid({"optimizer": {"sgd": 0.9, "adam": 0.0}, "optimizer.lr": {"0.1": 0.1, "0.2": 0.0}})
    )


def test_it_says_what_the_table_says(report):
    page = Strict(html_report(report, {"heat_map": b"png"}, {"more seeds": "mnist-np train -m 'seed=range(6)'", "none": ""}))
    best = report.best
    for text in ("Sweep: optimizer x seed", "12 runs: 12 finished", best.run_id, f"{best.metrics['best/val_accuracy']:.4f}"):
        assert text in page.text
    assert report.verdict.sentence() in page.text
    assert "mnist-np train -m 'seed=range(6)'" in page.text
    assert "none" not in page.text.replace("none begun", "")
    rows = [tag for tag, _ in page.found if tag == "tr"]
    assert len(rows) == 1 + len(report.configurations)
    images = [attributes for tag, attributes in page.found if tag == "img"]
    assert [image["alt"] for image in images] == ["The metric over the two most important parameters, mean over all else"]


def test_what_went_wrong_is_named(report):
    failed = replace(child({"optimizer": "zeros", "seed": "0"}, 0.5, "failed"), reason="MemoryError: none\nsecond line")
    page = Strict(html_report(replace(report, children=[*report.children, failed], outdated=2), {}, {}))
    assert "What went wrong" in page.text
    assert "MemoryError: none" in page.text
    assert "second line" not in page.text
    assert "2 outdated runs are left out" in page.text


@pytest.mark.parametrize("children", [[], [child({"a": "1"}, 0.9, "queued")], [child({"a": "1"}, 0.9)]], ids=len)
def test_few_or_no_runs(children):
    assert "Sweep: x" in Strict(html_report(SweepReport("x", children), {}, {})).text


def test_nothing_that_a_file_says_is_html(report, tmp_path):
    evil = "</title><script>alert(1)</script>\"'>"
    bad = replace(child({"optimizer": evil, "seed": "0"}, 0.99), folder=tmp_path, run_id=evil)
    (tmp_path / "config.yaml").write_text(evil)
    (tmp_path / "result.json").write_text(
        '{"versions": {"<script>": "<b>"}, "git": {"commit": "<i>"}, "blas": [], "started": "<u>"}'
    )
    failed = replace(child({"optimizer": "x", "seed": "0"}, 0.5, "failed"), reason=evil)
    page = html_report(replace(report, name=evil, children=[bad, failed, *report.children]), {evil: b"png"}, {evil: evil})
    assert page.count("<script") == 0
    assert evil in Strict(page).text


def test_a_long_table_is_cut_off_and_says_so():
    many = SweepReport("x", [child({"seed": "0", "optimizer.lr": f"{i}"}, 0.9) for i in range(1, MOST + 11)])
    page = Strict(html_report(many, {}, {}))
    assert "and 10 more configurations" in page.text
    assert len(re.findall("tr", " ".join(tag for tag, _ in page.found))) == MOST + 1


def test_no_picture_is_shown_twice(report):
    """The overview is the left half of the learning curves."""
    assert html_report(report, {"learning_curves": b"1", "overview": b"2"}, {}).count("<img") == 1
