"""The benchmark measures what it is asked to, survives what cannot be measured, and goes on where it was stopped. No times."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from benchmark import auto, serve
from benchmark.cells import Cell, Mode, Row, Rows, all_modes, train_cells
from benchmark.children import Child, Unmeasurable, clean_environment
from benchmark.cli import main
from benchmark.load import Load, foreign_cores
from benchmark.measure import Rounds
from benchmark.report import draw, spread, table

from mnist_np.machine import cores, orders_writes

SMALL = Cell("train", "8", 512)


def row(cell=SMALL, mode="threads-1", ms=(3.0, 1.0, 2.0), limit=1.0):
    return Row.of(cell, mode, 1, ms, limit)


def test_nets_are_read():
    assert Cell("train", "512-256", 1).hidden == [512, 256]
    assert Cell("train", "1024x3", 1).hidden == [1024, 1024, 1024]
    assert (Cell("train", "64-8x2+dropout", 1).hidden, Cell("train", "64+dropout", 1).extra) == ([64, 8, 8], "dropout")


def test_the_table_is_the_product_of_what_is_asked_for():
    assert train_cells(["128"], [32, 64], ["adam"]) == [Cell("train", "128", 32, "adam"), Cell("train", "128", 64, "adam")]
    assert len(set(train_cells([], [], []))) == len(train_cells([], [], [])) > 15


def test_a_row_is_median_and_spread():
    assert (row().ms_median, row().ms_min, row().ms_max, row().ratio_to_gemm, row().rounds) == (2.0, 1.0, 3.0, 2.0, 3)


def test_rows_are_kept_and_not_measured_again(tmp_path):
    modes, path = [Mode("gemm-1", "", ""), Mode("threads-1", "", "")], tmp_path / "rows.json"
    Rows(path).add([row()])
    again = Rows(path)
    assert again == [row()]
    assert again.missing(SMALL, modes) == modes[:1]
    again.add([row(ms=[9.0]), row(mode="gemm-1")])
    assert [(r.mode, r.ms_median) for r in Rows(path)] == [("threads-1", 9.0), ("gemm-1", 2.0)]
    keys = ["task", "net", "batch", "optimizer", "mode", "threads", "ms_median", "ms_min", "ms_max", "ratio_to_gemm"]
    assert list(json.loads(path.read_text())[0])[: len(keys)] == keys


def test_children_have_an_environment_of_their_own(monkeypatch):
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        monkeypatch.setenv(name, "1")
    environment = clean_environment(3)
    assert environment["OPENBLAS_NUM_THREADS"] == "3"
    assert not {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & environment.keys()
    assert "OPENBLAS_NUM_THREADS" not in clean_environment()
    assert os.environ["OPENBLAS_CORETYPE"] == "1"


def test_foreign_load_is_what_is_not_ours():
    assert foreign_cores(Load(10.0, 1.0, 0.0), Load(13.0, 2.0, 2.0)) == 1.0
    assert foreign_cores(None, None) is None


def test_the_whole_way(tmp_path, capsys):
    path, figure = tmp_path / "rows.json", tmp_path / "figure.png"
    options = ["--nets", "8", "--batches", "512", "--rounds", "2", "--json", str(path), "--figure", str(figure)]
    main(["train", *options, "--modes", "gemm-1,threads-1"])
    shown = capsys.readouterr().out
    assert "| 8 | 512 | sgd |" in shown
    assert "numpy" in shown
    assert figure.stat().st_size > 1000
    first = json.loads(path.read_text())
    assert [(r["mode"], r["rounds"]) for r in first] == [("gemm-1", 2), ("threads-1", 2)]
    assert all(0 < r["ms_min"] <= r["ms_median"] <= r["ms_max"] for r in first)
    main(["train", *options, "--modes", "gemm-1,threads-1"])
    assert json.loads(path.read_text()) == first


def test_what_cannot_be_measured_is_left_out(capsys):
    child = Child(Mode("none", "", "no_such_module"))
    with pytest.raises(Unmeasurable, match="no_such_module"):
        child.prepare(SMALL)
    child.process.kill()
    with pytest.raises(Unmeasurable, match="ended with code -9"):
        child.run()
    child.close()
    rows = Rows(None)
    modes = all_modes()
    Rounds(rows, 1, 1).measure([SMALL], [modes["gemm-1"], Mode("none", "", "no_such_module")])
    assert [r.mode for r in rows] == ["gemm-1"]
    assert "no_such_module" in capsys.readouterr().err


def test_no_time_no_rounds(capsys):
    rows = Rows(None)
    Rounds(rows, 1, minutes=0).measure([SMALL], [all_modes()["gemm-1"]])
    assert not rows
    assert "1 cells are left" in capsys.readouterr().err


def test_a_table_and_a_figure_of_any_rows(tmp_path):
    cell = Cell("infer", "128", 1, "none")
    rows = [row(cell, "gemm-1", [0.01]), row(cell, "threads-1", [0.02], 0.01), row(SMALL, "two workers", [200.0], None)]
    assert "20.0 us (2.00)" in table(rows)
    assert "| two workers |" in table(rows)
    assert spread([]) == "Nothing was measured."
    draw(rows, tmp_path / "x" / "figure.png")


def auto_rows(cell, chosen, **ms):
    return [dataclasses.replace(Row.of(cell, mode.replace("_", "-"), 1, times), chosen=chosen) for mode, times in ms.items()]


def test_the_chosen_mode_is_compared_with_the_best():
    good, bad, fails = (Cell("auto", net, 32) for net in ("128", "64", "32"))
    rows = auto_rows(good, "processes-2", threads_1=[3.0], processes_2=[2.0, 9.0])
    rows += auto_rows(bad, "threads-1", threads_1=[4.0], processes_2=[2.0])
    rows += auto_rows(fails, "processes-2", threads_1=[4.0])
    assert auto.ratios(rows) == {bad: 2.0, good: 1.0}
    assert "| 64 | 32 | sgd | 4 | 2 | 1 thread | 2.00 |" in auto.auto_table(rows)
    assert auto.verdict(rows) == (
        "Chosen / best, geometric mean: 1.414; 1 of 2 cells are within 5% of the best mode; not 64 at batch 32 with sgd (2.00)."
    )


@pytest.mark.parametrize("task", ["auto", "accuracy", "data"])
def test_a_file_of_something_else_is_named(tmp_path, task):
    path = tmp_path / "rows.json"
    path.write_text('[{"task": "else"}]')
    with pytest.raises(SystemExit, match=r"rows\.json: holds no rows of this task"):
        main([task, "--json", str(path)])
    assert path.read_text() == '[{"task": "else"}]'


def test_the_rule_is_asked_as_where_nothing_limits_it():
    assert auto.chosen_mode(Cell("auto", "16", 32)) == "threads-1"
    many = {auto.chosen_mode(Cell("auto", net, 128)) for net in ("1024x3", "1024x3+layernorm")}
    assert many == ({"processes-2", "threads-2"} if cores() == 2 and orders_writes() else {f"threads-{cores()}"})


def test_held_out_cells_are_not_those_of_the_table():
    table = {(cell.net, cell.batch, cell.optimizer) for cell in train_cells([], [], [])}
    assert not table & set(auto.HELD_OUT)
    assert len(auto.auto_cells([])) == len(set(auto.auto_cells([]))) == len(table) + len(auto.HELD_OUT)


def test_the_documentation_s_table_is_that_of_its_rows():
    root = Path(__file__).parents[2]
    rows = Rows(root / "docs" / "benchmark" / "auto.json")
    page = (root / "docs" / "speed.md").read_text()
    assert auto.auto_table(rows) in page
    assert auto.verdict(rows) in page.replace("\n", " ")
    assert {row.cell for row in rows} <= set(auto.auto_cells([]))
    assert all(len(row.ms) == len(row.wall) == row.rounds for row in rows)


@pytest.mark.slow
def test_the_task_auto(tmp_path, capsys):
    path = tmp_path / "rows.json"
    main(["auto", "--nets", "16", "--rounds", "2", "--json", str(path)])
    assert "| 16 | 32 | sgd |" in capsys.readouterr().out
    (row, *_) = json.loads(path.read_text())
    assert (row["mode"], row["chosen"], len(row["ms"]), len(row["wall"])) == ("threads-1", "threads-1", 2, 2)


def test_latencies_and_throughput_are_those_of_the_answers():
    """A server that takes 50 ms for an answer, however many it is asked for at once."""

    class Slow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            threading.Event().wait(0.05)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        p50, p95, each = serve.asked(server.server_port, b"{}", 4, 0.5)
        server.shutdown()
    assert 50 <= p50 <= p95
    assert 50 / 4 <= each < 50, "four at a time"


def test_the_table_of_servers():
    times = {"mnist-np serve": 2.0, "mlflow models serve": 4.0}
    cells = [serve.cell_of(n, b, measure) for n in serve.CLIENTS for b in serve.BATCHES for measure in serve.MEASURES]
    shown = serve.table([Row.of(cell, name, 1, [ms]) for name, ms in times.items() for cell in [serve.START, *cells]])
    assert "| 8 | 100 | 2.0 ms | 2.0 ms | 50,000 | 4.0 ms | 4.0 ms | 25,000 |" in shown


@pytest.mark.slow
def test_two_servers_of_one_model(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(serve, "SECONDS", 0.3)
    path = tmp_path / "rows.json"
    main(["serve", "--rounds", "1", "--json", str(path)])
    shown = capsys.readouterr().out
    assert shown.count("| 8 |") == 2
    assert "From the command to the first answer" in shown
    main(["serve", "--rounds", "1", "--json", str(path)])
    assert shown == capsys.readouterr().out, "nothing is measured again"


@pytest.mark.parametrize("wrong", [["train", "--modes", "tensorflow"], ["train", "rubbish"], ["fly"]])
def test_mistakes_are_told(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2
    assert wrong[-1] in capsys.readouterr().err


def test_no_library_is_imported_for_the_help():
    libraries = "{'torch', 'jax', 'sklearn', 'matplotlib', 'mlflow'}"
    code = f"import sys; import benchmark.cli; assert not {libraries} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, env=clean_environment())


def test_large_data_are_measured_once(tmp_path, capsys):
    path = tmp_path / "data.json"
    arguments = ["data", "--sizes", "300", "--shapes", "28x28x2", "--dtypes", "uint8", "--rounds", "1", "--json", str(path)]
    main(arguments)
    first = capsys.readouterr().out
    (row,) = json.loads(path.read_text())
    assert (row["images"], row["shape"], row["dtype"], row["rounds"]) == (300, "28x28x2", "uint8", 1)
    assert row["bound_mb"] == pytest.approx(2 * 10_300 * 28 * 56 / 1e6 + 300, abs=0.1)
    assert row["start_s"] > 0
    assert row["training_ms"] > 0
    assert 20 < row["memory_mb"] < row["bound_mb"]
    assert first.count("| 300 | 28x28x2 | uint8 |") == 1
    main([*arguments, "--dtypes", "uint8"])
    assert capsys.readouterr().out == first


@pytest.mark.parametrize("wrong", [("--sizes", "0"), ("--shapes", "28"), ("--dtypes", "float16")])
def test_wrong_data_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        main(["data", *wrong])
    assert f"error: {wrong[1]}: sizes are >= 1, shapes like 28x28, 28x28x3, dtypes uint8, float32" in capsys.readouterr().err
