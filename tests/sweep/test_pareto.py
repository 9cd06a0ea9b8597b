"""The Pareto front of several objectives: which configurations are on it, and where it is shown."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import child

from mnist_np.cli.train import main
from mnist_np.figures.sweep.draw import figures
from mnist_np.figures.sweep.pareto import pareto_front
from mnist_np.sweep.html_report import html_report
from mnist_np.sweep.pareto import on_front
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.saved_sweep import load_sweep
from mnist_np.sweep.tables import csv_text, markdown, notes, readable_rows

SIZE = "model/parameters"
POINTS = st.integers(1, 3).flatmap(
    lambda k: st.tuples(
        st.lists(st.lists(st.integers(0, 4), min_size=k, max_size=k), max_size=12),
        st.lists(st.booleans(), min_size=k, max_size=k),
    )
)


@given(POINTS)
def test_on_the_front_is_what_no_other_dominates(drawn):
    points, maximize = drawn
    signs = [1 if more else -1 for more in maximize]

    def dominates(a, b):
        gains = [sign * (x - y) for sign, x, y in zip(signs, a, b, strict=True)]
        return min(gains) >= 0 and max(gains) > 0

    assert on_front(points, maximize) == [not any(dominates(other, point) for other in points) for point in points]


def run(lr, accuracy=None, parameters=None, status="finished", seed="0"):
    values = {"best/val_accuracy": accuracy, "test/accuracy": accuracy, SIZE: parameters}
    metrics = {key: value for key, value in values.items() if value is not None}
    return replace(child({"lr": lr, "seed": seed}, 0.9), status=status, metrics=metrics)


def made(*children, **further):
    return SweepReport("x", list(children), further={SIZE: False, **further})


def front(report):
    return {c.values["lr"]: report.front[c.group] for c in report.configurations if c.group in report.front}


def test_ties_and_what_has_no_values():
    report = made(
        run("1", 0.9, 100.0),
        run("2", 0.9, 100.0),  # the same: neither is better
        run("3", 0.9, 200.0),  # as good and larger
        run("4", 0.8, 50.0),
        run("5", 0.99, 10.0, "diverged"),
        run("6", 0.99, None),
        run("7", status="failed"),
        run("8", 0.99, 10.0, "pruned"),
    )
    assert front(report) == {"1": True, "2": True, "3": False, "4": True}
    assert "on the Pareto front (maximize val/accuracy, minimize model/parameters): 3 of 4 configurations" in notes(report)
    rows = list(csv.DictReader(csv_text(report).splitlines()))
    assert {row["lr"]: row["pareto_front"] for row in rows} == {
        **dict.fromkeys("124", "True"), "3": "False", **dict.fromkeys("5678", ""),
    }  # fmt: skip


def test_means_over_seeds_are_compared():
    runs = [run("1", 0.9, 10.0), run("1", 0.7, 10.0, seed="1"), run("2", 0.85, 10.0), run("2", 0.85, 10.0, seed="1")]
    assert front(made(*runs)) == {"1": False, "2": True}


@pytest.mark.parametrize("maximize", [False, True])
def test_directions(maximize):
    report = SweepReport("x", [run("1", 0.9, 10.0), run("2", 0.8, 20.0)], maximize=maximize, further={SIZE: maximize})
    assert front(report) == {"1": True, "2": True}
    assert front(replace(report, further={SIZE: not maximize})) == {"1": maximize, "2": not maximize}


def test_the_front_is_not_cut_off():
    runs = [run(str(i), 0.9 - i / 1000, 1000.0) for i in range(30)]
    report = made(*runs, run("small", 0.5, 10.0))
    header, rows = readable_rows(report, 5)
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "31"]
    assert [row[header.index("front")] for row in rows] == ["yes", "", "", "", "yes"]
    assert "and 26 more configurations" in markdown(report, 5)
    page = html_report(report, {}, {})
    assert 'class="words" scope="col">front<' in page


@pytest.mark.parametrize(
    "children", [[], [run("1", 0.9, 10.0)], [run("1", 0.9), run("2", 0.8)]], ids=["none", "one", "no values"]
)
def test_fewer_than_two_points(children):
    report = made(*children)
    assert pareto_front(report) is None
    assert not any("Pareto" in line for line in notes(report))
    readable_rows(report, 5)


def test_one_objective_has_no_front():
    report = SweepReport("x", [run("1", 0.9, 10.0), run("2", 0.8, 20.0)])
    assert report.front == {}
    assert "front" not in readable_rows(report, 5)[0]
    assert "pareto_front" not in csv_text(report)
    assert "pareto_front" not in dict(figures(report))


def test_the_figure():
    report = made(run("0.1", 0.9, 100.0), run("0.2", 0.85, 50.0), run("0.3", 0.8, 200.0), **{"time/total_s": False})
    assert pareto_front(report) is None  # no times
    figure = pareto_front(replace(report, further={SIZE: False}))
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == (f"{SIZE}\n(less is better)", "val/accuracy\n(fraction, more is better)")
    grey, line = axes.lines
    assert list(zip(*grey.get_data(), strict=True)) == [(200.0, 0.8)]
    assert list(zip(*line.get_data(), strict=True)) == [(50.0, 0.85), (100.0, 0.9)]
    assert line.get_drawstyle() == "steps-post"  # more parameters than 50 and fewer than 100: 0.85
    assert [text.get_text() for text in axes.texts] == ["2", "1"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "1  0.1\n    0.9000,  100",
        "2  0.2\n    0.8500,  50",
    ]
    assert "2 of 3 configurations" in figure._suptitle.get_text()


def test_each_two_of_more_objectives_have_a_panel():
    rng = np.random.default_rng(0)
    runs = [run(str(i), float(rng.uniform()), float(rng.uniform(1, 99))) for i in range(40)]
    runs = [replace(r, metrics=r.metrics | {"time/total_s": float(rng.uniform())}) for r in runs]
    figure = pareto_front(made(*runs, **{"time/total_s": False}))
    assert [axes.get_xlabel().split("\n")[0] for axes in figure.axes] == [SIZE, "time/total_s", "time/total_s"]
    figure.canvas.draw()
    listed = figure.legends[0].get_texts()
    assert listed[-1].get_text().startswith("and ")
    assert figure.legends[0].get_window_extent().y0 >= 0
    three, two = (
        len(dict(figures(replace(made(*runs), further=f)))["pareto_front"].axes)
        for f in ({SIZE: False, "time/total_s": False}, {SIZE: False})
    )
    assert (three, two) == (3, 1)


def test_a_search_and_its_continuation(tmp_path, capsys, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr("mnist_np.figures.sweep.curves.learning_curves", lambda report: None)
    words = ["-m", "hydra/sweeper=search", "data=synthetic", "data.examples=160", "data.validation_size=32", "training.epochs=1"]
    words += ["model.hidden=choice([2],[4],[8],[16])", "optimizer.lr=choice(0.1,0.3)", f"outputs={tmp_path}", "tracking=off"]
    words += [f"sweep.search.metrics=[{SIZE}]", "sweep.search.sampler=random"]
    assert main([*words, "sweep.search.trials=3"]) == 0
    assert " of 3 configurations" in capsys.readouterr().out
    assert main([*words, "sweep.search.trials=6"]) == 0
    assert " of 6 configurations" in capsys.readouterr().out
    (folder,) = tmp_path.glob("sweeps/*")
    assert (folder / "figures" / "pareto_front.png").exists()
    assert json.loads((folder / "summary.json").read_text())["further"] == {SIZE: "minimize"}
    loaded = load_sweep(folder).report
    assert len(loaded.front) == 6
    rows = list(csv.DictReader((folder / "configurations.csv").read_text().splitlines()))
    marked = {(row["model.hidden"], row["optimizer.lr"]) for row in rows if row["pareto_front"] == "True"}
    assert marked == {tuple(c.values.values()) for c in loaded.configurations if loaded.front[c.group]}
    assert "Pareto front" in (folder / "report.html").read_text()
