"""The comparison of runs on the console."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from mnist_np.commands.compare import METRICS, MOST_COLUMNS, as_columns, below, ordered
from mnist_np.commands.compare_groups import Groups
from mnist_np.commands.compared import Compared, from_folders

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare.py"


def compared(seed: int, lr: str = "0.1", **more: str) -> Compared:
    params = {"optimizer": "sgd", "optimizer.lr": lr, "seed": str(seed)} | more
    metrics = {"best/val_accuracy": 0.9 + seed / 100, "best/epoch": 3.0}
    return Compared(f"seed={seed}", "finished", params, metrics)


def printed(table) -> str:
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def test_few_runs_stand_side_by_side():
    text = printed(as_columns([compared(0), compared(1, hidden="[2,3]")]))
    lines = {line.split("│")[1].strip(): line for line in text.splitlines() if "│" in line}
    assert "optimizer" not in lines  # it is the same in both
    assert "[2,3]" in lines["hidden"]
    assert lines["best/val_accuracy"].split("│")[2:4] == [" 0.9000   ", " 0.9100   "]
    assert lines["best/epoch"].split()[3] == "3"
    assert "the same in 2 params" in text


def test_many_runs_stand_below_one_another_best_first():
    runs = [compared(i) for i in range(MOST_COLUMNS + 3)] + [compared(9, momentum="0.9")]
    text = printed(below(ordered(runs, METRICS[0], maximize=True), 120))
    seeds = [line.split("│")[1].strip() for line in text.splitlines() if "finished" in line]
    assert seeds == sorted(seeds, reverse=True)
    assert "only some have momentum" in text


@pytest.mark.parametrize("newest", [0.8, 0.9])
def test_of_repeated_runs_the_newest_counts_in_any_order(tmp_path, newest):
    for value in (0.8, 0.9):
        (tmp_path / str(value)).mkdir()
        (tmp_path / str(value) / "config.yaml").write_text("seed: 0\noptimizer: {name: sgd, lr: 0.1}\n")
        about = {"status": "finished", "metrics": {METRICS[0]: value}, "started": f"2026-01-{int(value == newest) + 10}T12:00:00"}
        (tmp_path / str(value) / "result.json").write_text(json.dumps(about))
    runs = ordered(list(from_folders(tmp_path)), METRICS[0], maximize=True)
    for some in (runs, runs[::-1]):
        groups = Groups(some, ["optimizer.lr"], METRICS[0], True)
        assert [(spread.n, spread.mean) for spread in groups.spreads.values()] == [(1, newest)]


def test_params_that_hardly_differ_give_way_where_runs_differ_in_many():
    odd = {f"training.parameter_{i:02}": "7" for i in range(20)}
    runs = [compared(i, str(i), **(odd if i == 0 else dict.fromkeys(odd, "1"))) for i in range(MOST_COLUMNS + 3)]
    text = printed(below(runs, 80))
    header = text.partition("┡")[0]
    assert "lr" in header
    assert "seed=0" in text
    assert "finished" not in text
    assert "parameter_00" in text.partition("left out for want of room: ")[2].replace("\n", "")
    sorted_by = printed(below(runs, 80, sort="training.parameter_00")).partition("left out for want of room: ")[2]
    assert "parameter_01" in sorted_by
    assert "parameter_00" not in sorted_by


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense", "--outputs", "nowhere"], "'nonsense' is no folder, and there are no runs in nowhere"),
        (["{empty}"], "there is no run in"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, message, tmp_path):
    arguments = [argument.format(empty=tmp_path) for argument in arguments]
    ended = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
