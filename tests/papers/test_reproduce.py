"""`mnist-np reproduce`, on a synthetic row of a second: run, continued, repeated, and asked for what is not there."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from mnist_np.commands import reproduce
from mnist_np.papers import published, training
from mnist_np.papers.outcomes import read
from mnist_np.papers.rows import Row

FAST = Row(
    "fast",
    "a synthetic row",
    "plain",
    ("data=synthetic", "model.hidden=[8]", "training.epochs=2", "tracking=off"),
    published=50.0,
)
MISSING = Row("missing", "another", "plain", needs="what is not there")
ROWS = (FAST, MISSING)


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Call the command with the rows above, on files in ``tmp_path``; gives its exit code and all that was printed."""
    monkeypatch.setattr(reproduce, "ROWS", ROWS)
    monkeypatch.setattr(reproduce, "ROW", {row.name: row for row in ROWS})

    def call(*words):
        places = ["--results", str(tmp_path / "docs/results"), "--outputs", str(tmp_path / "outputs")]
        monkeypatch.setattr(sys, "argv", ["mnist-np reproduce", *words, *places])
        try:
            code = reproduce.main()
        except SystemExit as stop:
            code = stop.code
        captured = capfd.readouterr()
        return code, captured.out + captured.err

    return call


def test_a_row_is_run_continued_and_repeated(call, tmp_path):
    assert call()[0] == 0
    code, out = call("fast", "--seeds", "2")
    assert code == 0, out
    before = read(tmp_path / "docs/results", [FAST])["fast"]
    assert [run.seed for run in before.runs] == [0, 1]
    assert before.verdict({}) == "open", "two runs are too few"

    code, out = call("all")
    assert (code, "fast: 1 of about" in out) == (0, True), out
    now = read(tmp_path / "docs/results", [FAST])["fast"]
    assert now.runs[:2] == before.runs, "what is recorded stays as it is"
    assert len(now.runs) == 3
    assert now.config["model"]["hidden"] == [8]
    assert "seed" not in now.config
    assert f"| {now.spread.mean:.2f} ± {now.spread.sd:.2f} | 3 | **{now.verdict({})}** |" in (
        tmp_path / "docs/results.md"
    ).read_text(encoding="utf-8")
    assert (tmp_path / "docs/images/results.png").stat().st_size > 5000
    assert "nothing is missing" in call("fast")[1]

    file = tmp_path / "docs/results/fast.json"
    text = file.read_text(encoding="utf-8")
    code, out = call("fast", "--again", "--seeds", "1")
    assert (code, "seed 0: error" in out, "the same to the last digit" in out) == (0, True, True), out
    assert file.read_text(encoding="utf-8") == text, "a comparison writes nothing"
    content = json.loads(text)
    content["runs"][0]["loss"] += 1e-9
    content["runs"][0] |= {"blas": "another", "commit": "0123456789ab"}
    file.write_text(json.dumps(content))
    code, out = call("fast", "--again", "--seeds", "1")
    assert (code, "recorded, now" in out, "blas: another recorded" in out) == (1, True, True), out
    assert "commit: 0123456789ab recorded, now " in out, "the code may be another"


def test_records_are_the_short_ones_and_what_is_named(monkeypatch):
    rows = [replace(FAST, name=name, part="record", minutes=minutes) for name, minutes in (("a", 0.1), ("b", 1), ("c", 6))]
    monkeypatch.setattr(reproduce, "ROWS", (FAST, *rows))
    monkeypatch.setattr(reproduce, "ROW", {row.name: row for row in (FAST, *rows)})
    assert [row.name for row in reproduce.chosen([], records=True)] == ["a", "b"]
    assert [row.name for row in reproduce.chosen(["c", "a"], records=True)] == ["a", "b", "c"]


def test_runs_of_another_recipe_are_left_out(call, tmp_path, monkeypatch):
    assert call("fast", "--seeds", "1")[0] == 0
    other = replace(FAST, overrides=(*FAST.overrides, "optimizer.lr=0.1"))
    monkeypatch.setattr(reproduce, "ROW", {"fast": other})
    code, out = call("fast", "--seeds", "2")
    assert (code, "the recorded runs are of another recipe, and are left out" in out) == (0, True), out
    assert "fast: 1 of about" in out
    assert "seed=1 " in out, "the printed command is the one that is run"
    now = read(tmp_path / "docs/results", [FAST])["fast"]
    assert [run.seed for run in now.runs] == [0, 1], "what is left out is trained at once"
    assert now.config["optimizer"]["lr"] == 0.1
    assert "nothing is missing" in call("fast", "--seeds", "2")[1]
    monkeypatch.setattr(reproduce, "ROW", {"fast": FAST})
    code, out = call("fast", "--again", "--seeds", "1")
    assert (code, "the recorded runs are of another recipe" in out) == (1, True), out


def test_a_record_keeps_a_log_of_its_recorded_runs(call, tmp_path, monkeypatch):
    record, log = replace(FAST, part="record"), tmp_path / "docs/results/fast.csv"

    def lines():
        return [tuple(line.split(",")[:2]) for line in log.read_text().splitlines()]

    monkeypatch.setattr(reproduce, "ROW", {"fast": record})
    assert call("fast", "--seeds", "1")[0] == 0
    first = log.read_text()
    assert call("fast", "--seeds", "2")[0] == 0
    assert log.read_text().startswith(first), "what is recorded stays as it is"
    assert lines() == [("seed", "epoch"), ("0", "1"), ("0", "2"), ("1", "1"), ("1", "2")]
    before = log.read_text()
    assert call("fast", "--again", "--seeds", "1")[0] == 0
    assert log.read_text() == before, "a comparison writes nothing"
    monkeypatch.setattr(reproduce, "ROW", {"fast": replace(record, overrides=(*FAST.overrides, "optimizer.lr=0.1"))})
    assert call("fast", "--records", "--seeds", "1")[0] == 0
    assert lines() == [("seed", "epoch"), ("0", "1"), ("0", "2")], "runs of another recipe are left out"


def test_a_record_whose_log_cannot_be_written_is_still_missing(call, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "ROW", {"fast": replace(FAST, part="record")})
    log = tmp_path / "docs/results/fast.csv"
    log.mkdir(parents=True)
    code, out = call("fast", "--seeds", "1")
    assert (code, "fast.csv: cannot write" in out) == (2, True), out
    log.rmdir()
    code, out = call("fast", "--seeds", "1")
    assert (code, "fast: 1 of about" in out) == (0, True), out
    assert log.read_text().startswith("seed,epoch,")


@pytest.mark.parametrize(("name", "text"), [("config.yaml", "{{{"), ("result.json", None), ("history.csv", "epoch\n")])
def test_a_damaged_file_of_a_finished_run_is_named(call, tmp_path, name, text):
    assert call("fast", "--seeds", "1")[0] == 0
    (tmp_path / "docs/results/fast.json").unlink()
    (file,) = (tmp_path / "outputs/sweeps").glob(f"*/*/{name}")
    if text is None:
        text = json.dumps({key: value for key, value in json.loads(file.read_text()).items() if key != "seconds"})
    file.write_text(text)
    code, out = call("fast", "--seeds", "1")
    assert (code, f"{name}: " in out, "move its folder away" in out) == (2, True, True), out
    file.parent.rename(tmp_path / "away")
    assert call("fast", "--seeds", "1")[0] == 0


def test_runs_that_another_process_adds_meanwhile_stay(call, tmp_path, monkeypatch):
    train = reproduce.train

    def slow(row, seeds, *others):
        trained = train(row, seeds, *others)
        if seeds == [0]:
            monkeypatch.setattr(reproduce, "train", train)
            assert call("fast", "--seeds", "2")[0] == 0
        return trained

    monkeypatch.setattr(reproduce, "train", slow)
    assert call("fast", "--seeds", "1")[0] == 0
    assert [run.seed for run in read(tmp_path / "docs/results", [FAST])["fast"].runs] == [0, 1]


def test_a_sweep_of_the_same_name_that_is_started_meanwhile_is_not_taken(call, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "ROW", {"fast": replace(FAST, overrides=(*FAST.overrides, "optimizer.lr=0.1"))})
    assert call("fast", "--seeds", "2")[0] == 0
    (tmp_path / "docs/results/fast.json").unlink()
    (other,) = (tmp_path / "outputs/sweeps").glob("fast-*/jobs.jsonl")
    monkeypatch.setattr(training, "sleep", lambda seconds: (os.utime(other), time.sleep(seconds)))
    monkeypatch.setattr(reproduce, "ROW", {"fast": FAST})
    assert call("fast", "--seeds", "1")[0] == 0
    now = read(tmp_path / "docs/results", [FAST])["fast"]
    assert ([run.seed for run in now.runs], now.config["optimizer"]["lr"]) == ([0], 0.2)


def test_a_run_that_diverges_is_no_seed_and_is_not_said_to_go_on(call, tmp_path, monkeypatch):
    bad = replace(FAST, overrides=(*FAST.overrides, "optimizer.lr=1000000.0", "activation=identity"))
    monkeypatch.setattr(reproduce, "ROW", {"fast": bad})
    code, out = call("fast", "--seeds", "1")
    assert (code, "fast: 0 of 1 finished; 1 diverged, and would again\n" in out) == (1, True), out
    assert not (tmp_path / "docs/results/fast.json").exists()


def test_the_page_of_an_empty_folder_is_written_and_named_the_same_twice(call, tmp_path):
    assert call("--page") == (0, f"{tmp_path / 'docs/results.md'}\n")
    text = (tmp_path / "docs/results.md").read_bytes()
    assert call("--page")[0] == 0
    assert (tmp_path / "docs/results.md").read_bytes() == text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_overview_fits_and_names_rows_whole(call, monkeypatch, width):
    rows = tuple(replace(row, published=10.0) for row in published.ROWS)
    monkeypatch.setattr(reproduce, "ROWS", rows)
    monkeypatch.setenv("COLUMNS", str(width))
    code, out = call()
    assert (code, max(map(len, out.splitlines())) <= width, "…" in out) == (0, True, False), out
    assert width < 120 or all(f"│ {row.name} " in out for row in rows), out


def test_a_comparison_makes_no_folder(call, tmp_path):
    assert call("fast", "--again") == (0, "fast: nothing is recorded\n")
    assert not (tmp_path / "docs").exists()


def test_a_budget_that_ends_before_a_sweep_begins_is_no_failure_of_it(call, monkeypatch):
    monkeypatch.setattr(reproduce, "ROW", {"fast": replace(FAST, overrides=(*FAST.overrides, "training.epochs=100000"))})
    code, out = call("fast", "--budget", "0.5s")
    assert (code, "0 of 3 finished; the same command goes on" in out) == (1, True), out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fsat"], "fsat: no such row; did you mean 'fast'? must be all or one of fast, missing"),
        (["missing"], "missing: cannot be trained yet, since this package has no what is not there"),
        (["fast", "--seeds", "0"], "must be a whole number from 1 to 9999, not '0'"),
        (["fast", "--seeds", "-1"], "must be a whole number from 1 to 9999, not '-1'"),
        (["fast", "--budget", "20"], "'20': must be a time such as 90s, 20m or 2h"),
        (["fast", "--budget", "0m"], "'0m': must be a time"),
        (["fast", "--page"], "--page: writes the page alone; it takes no ROW, no --again and no --records"),
        (["--again"], "--again: takes the ROWs that are compared, or all, and no --records"),
        (["fast", "--again", "--records"], "--again: takes the ROWs that are compared, or all, and no --records"),
        (["fast", "--workers", "x"], "must be a whole number from 1 to 9999, not 'x'"),
    ],
)
def test_mistakes_are_named(call, words, said):
    code, out = call(*words)
    assert (code, said in out) == (2, True), out


def test_a_broken_file_is_named(call, tmp_path):
    (tmp_path / "docs/results").mkdir(parents=True)
    (tmp_path / "docs/results/fast.json").write_text('{"runs": [')
    code, out = call()
    assert (code, "fast.json: is no file of results" in out) == (2, True), out


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_trained(call, tmp_path):
    (tmp_path / "docs").write_text("a file")
    code, out = call("fast")
    assert (code, out.count("\n"), "docs/results: Not a directory" in out) == (2, 1, True), out


def test_a_row_that_fails_is_said_and_leaves_no_file(call, tmp_path, monkeypatch):
    bad = Row("fast", "t", "plain", ("data=synthetic", "optimizer.lr=-1"), published=1.0)
    monkeypatch.setattr(reproduce, "ROW", {"fast": bad})
    monkeypatch.setattr(reproduce, "ROWS", (bad,))
    code, out = call("fast")
    assert (code, "0 of 3 finished; the sweep did not begin: exit code 2" in out) == (1, True), out
    assert not (tmp_path / "docs/results/fast.json").exists()


LONG = """
import sys
from mnist_np.commands import reproduce
from mnist_np.papers.rows import Row
row = Row("long", "t", "plain", ("data=synthetic", "tracking=off", "training.epochs=100000"), 50.0)
reproduce.ROWS, reproduce.ROW = (row,), {"long": row}
sys.argv = ["mnist-np reproduce", "long", "--seeds", "1", *sys.argv[1:]]
sys.exit(reproduce.main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["signal", "budget"])
def test_a_stop_is_passed_on_and_the_next_start_goes_on(tmp_path, how):
    places = ["--results", str(tmp_path / "docs/results"), "--outputs", str(tmp_path / "outputs")]
    budget = ["--budget", "8s"] if how == "budget" else []
    program = [sys.executable, "-c", LONG, *places]
    process = subprocess.Popen([*program, *budget], start_new_session=True, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (histories := list((tmp_path / "outputs").rglob("history.csv"))) or not histories[0].stat().st_size:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.1)
    if how == "signal":
        os.kill(process.pid, signal.SIGTERM)
    out, _ = process.communicate(timeout=90)
    assert process.returncode == (143 if how == "signal" else 1), out
    assert "the same command goes on" in out
    (result,) = (tmp_path / "outputs").rglob("result.json")
    assert json.loads(result.read_text(encoding="utf-8"))["status"] == "killed"
    assert list(result.parent.rglob("*checkpoint*")), "from which the next start goes on"
    assert not (tmp_path / "docs/results/long.json").exists()
