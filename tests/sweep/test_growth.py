"""What a sweep does for a run does not grow with the number of its runs. Statements and files are counted, since times vary."""

import sys

import pytest
from benchmark.large_sweep import measure
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mnist_np.cli.train import main
from mnist_np.sweep import monitor

QUICK = ["data=synthetic", "training.epochs=1", "model.hidden=[4]", "tracking.figures=false", "tracking.model=never"]

MARGIN = 1.1
"""How much more a further run may take in the larger sweep: what there was before it is looked at once."""

_counted = {"folder": "", "files": 0, "statements": 0}


def count_files(name, arguments):
    if name == "open" and _counted["folder"] and str(arguments[0]).startswith(_counted["folder"]):
        _counted["files"] += 1


def count_statements(*arguments):
    _counted["statements"] += 1


@pytest.fixture
def counted(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "TICK", 3600)  # it looks by the clock
    if "hooked" not in _counted:
        sys.addaudithook(count_files)  # which cannot be taken away
        _counted["hooked"] = 1
    _counted["folder"] = str(tmp_path)
    event.listen(Engine, "before_cursor_execute", count_statements)
    yield _counted
    event.remove(Engine, "before_cursor_execute", count_statements)
    _counted["folder"] = ""


def test_a_further_run_takes_the_same(counted, tmp_path):
    found = {}

    def sweep(n, seeds):
        counted["files"] = counted["statements"] = 0
        assert main(["-m", *QUICK, f"outputs={tmp_path / 'outputs'}", "optimizer.lr=0.1,0.2", f"seed=range({seeds})"]) == 0
        found[n] = {key: counted[key] for key in ("files", "statements")}

    sweep(0, "99,100")  # makes the store
    for n, seeds in {4: "0,2", 12: "10,16", 36: "30,48"}.items():
        sweep(n, seeds)
    sweep("12 again", "10,16")
    sweep("36 again", "30,48")
    for key in ("files", "statements"):
        few, many = (found[12][key] - found[4][key]) / 8, (found[36][key] - found[12][key]) / 24
        assert few > 0
        assert many <= MARGIN * few, (key, found)
    assert found["36 again"]["files"] <= MARGIN * 3 * found["12 again"]["files"], found
    assert found["36 again"]["files"] < found[36]["files"] / 2  # nothing runs


@pytest.mark.slow
def test_a_thousand_runs_take_ten_times_what_a_hundred_take():
    cells = [[float(cell.replace(",", "")) for cell in measure(n)] for n in (100, 1000)]
    (_, cost, memory, disk, _, again, *later), (_, cost10, memory10, disk10, _, again10, *later10) = cells
    assert cost10 < 1.3 * cost
    assert memory10 < memory + 100
    assert disk10 < 12 * disk
    assert again10 < 10 * again
    assert all(many < 10 * few for few, many in zip(later, later10, strict=True))
