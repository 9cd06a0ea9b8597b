"""`report`: the page of a sweep, at its end and later."""

import sys

from mnist_np.commands.report import main

TINY = ["data=synthetic", "data.examples=160", "data.validation_size=32", "model.hidden=[4]", "training.epochs=2", "tracking=off"]


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["report", *map(str, words)])
    return main()


def test_a_sweep_leaves_its_page_and_it_can_be_written_again(train, tmp_path, monkeypatch, capsys):
    words = ["-m", *TINY, "optimizer.lr=0.1,0.2", "sweep.name=mine"]
    monkeypatch.setattr(sys, "argv", ["train", *words])
    assert train(*words).code == 0
    (page,) = tmp_path.glob("outputs/sweeps/*/report.html")
    first = page.read_text()
    assert "<h1>Sweep: mine" in first
    assert "optimizer.lr=0.1,0.2" in first, "the command that made it"
    assert "more seeds" in first
    page.unlink()
    for sweep in (page.parent, page.parent.name[-8:], "mine"):
        assert call(monkeypatch, sweep) == 0
        assert page.read_text().partition("<h2>How it was made")[0] == first.partition("<h2>How it was made")[0]
    assert call(monkeypatch, "mine", "--to", tmp_path / "x.html") == 0
    assert (tmp_path / "x.html").read_text() == page.read_text()


def test_outdated_runs_are_told_of_later_too(train, tmp_path, monkeypatch):
    assert train("-m", *TINY, "optimizer.lr=0.1,0.2", "sweep.name=mine").code == 0
    assert train("-m", *TINY, "optimizer.lr=0.1,0.3", "sweep.name=mine").code == 0
    (page,) = tmp_path.glob("outputs/sweeps/*/report.html")
    assert "1 outdated run is left out" in page.read_text()
    page.unlink()
    assert call(monkeypatch, "mine") == 0
    assert "1 outdated run is left out" in page.read_text()


def test_a_mistake_is_one_line(train, tmp_path, monkeypatch, capsys):
    assert train("-m", *TINY, "optimizer.lr=0.1,0.2").code == 0
    assert call(monkeypatch, "other") == 2
    assert "other: no sweep's folder, id or name under" in capsys.readouterr().err
    (sweep,) = tmp_path.glob("outputs/sweeps/*")
    assert call(monkeypatch, sweep, "--to", tmp_path / "no" / "folder.html") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
