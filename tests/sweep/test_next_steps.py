"""What a sweep and an interrupted run say last: commands that can be copied, and do what they say."""

import io
import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from made_up import child, grid
from rich.console import Console

from mnist_np.cli.train import main
from mnist_np.fitted_table import WIDE, wide_console
from mnist_np.invocation import command
from mnist_np.sweep import next_steps
from mnist_np.sweep.job import interruption
from mnist_np.sweep.monitor import Monitor
from mnist_np.sweep.next_steps import going_on, more_seeds, with_more_seeds
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.settings import Sweep

SCRIPTS = Path(__file__).parents[2] / "scripts"


def report(*seeds):
    return SweepReport("made up", [child({"lr": "0.1", "seed": seed}, 0.9) for seed in seeds])


@pytest.mark.parametrize(
    ("seeds", "more"),
    [
        ("", "range(5)"),
        ("01", "range(5)"),
        ("012345", "range(12)"),
        ("56789", "range(5,15)"),
        (["7", "3"], "3,7,8,9,10"),
        (["x"], "range(5)"),
    ],
)
def test_more_seeds_hold_the_present_ones(seeds, more):
    assert more_seeds(report(*seeds)) == more


def test_the_command_with_more_seeds():
    typed = ["-m", "optimizer.lr=0.1,0.2", "model.hidden=[8],[16]", "seed=range(2)"]
    words = shlex.split(with_more_seeds(report("0", "1"), typed, Sweep(), 0))
    assert words[-4:] == ["-m", *typed[1:3], "seed=range(5)"]
    assert with_more_seeds(report("0"), ["sweep=sizes"], Sweep(), 0).endswith("-m sweep=sizes 'seed=range(5)'")
    paired = Sweep(zip=[["seed", "optimizer.lr"]])
    assert with_more_seeds(report("0"), ["-m", "sweep=paired"], paired, 0) == ""


def test_going_on_trains_nothing_anew():
    typed = ["-m", "optimizer.lr=0.1,0.2", "sweep.skip_finished=false", "seed=0,1"]
    assert with_more_seeds(report("0", "1"), typed, Sweep(), 0).endswith("-m optimizer.lr=0.1,0.2 'seed=range(5)'")
    assert going_on(typed) == [typed[0], typed[1], typed[3]]
    assert interruption("SIGINT", True) == "interrupted (SIGINT); the same command goes on with it"
    assert "the same command without sweep.skip_finished=false goes on" in interruption("SIGINT", False)


def test_more_seeds_hold_the_one_that_all_runs_had():
    made = SweepReport("made up", [child({"lr": "0.1"}, 0.9), child({"lr": "0.2"}, 0.8)])
    command = with_more_seeds(made, ["-m", "optimizer.lr=0.1,0.2", "++seed=7"], Sweep(), 7)
    assert command.endswith("-m optimizer.lr=0.1,0.2 'seed=range(7,12)'")


def test_a_sweep_says_what_to_do_next_and_it_works(tmp_path, capsys, monkeypatch):
    out = tmp_path / "outputs"
    words = [
        "-m",
        "data=synthetic",
        "training.epochs=1",
        "model.hidden=[8],[16]",
        "seed=range(2)",
        "tracking=off",
        f"outputs={out}",
    ]
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    assert main(words) == 0
    said = capsys.readouterr().out
    again = re.search(r"again, alone +(.*)", said)[1]
    more = re.search(r"more seeds +(.*)", said)[1]
    (folder,) = re.findall(r"  folder +(.*)", said)
    assert (Path(folder) / "result.json").exists()
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "rerun.py"), *shlex.split(again.partition(" rerun ")[2])],
        capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert main(shlex.split(more.partition(" train ")[2])) == 0
    assert "10 runs: 10 finished (4 of them earlier)" in capsys.readouterr().out


def test_the_command_that_trains_the_best_again_names_the_plugins(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(next_steps, "loaded_plugins", lambda: [str(tmp_path / "my parts.py")])
    (again,) = (text for label, text in next_steps.places(child({"lr": "0.1"}, 0.9), Path("outputs")) if label == "again, alone")
    assert shlex.split(again)[-2:] == ["--plugin", "my parts.py"]


def test_a_search_says_how_to_repeat_its_best(tmp_path, capsys):
    pytest.importorskip("optuna")
    words = ["hydra/sweeper=search", "optimizer.lr=0.1,0.2", "sweep.search.trials=2", f"outputs={tmp_path / 'outputs'}"]
    assert main(["-m", "data=synthetic", "training.epochs=1", "model.hidden=[8]", "tracking=off", *words]) == 0
    more = shlex.split(re.search(r"more seeds +(.*)", capsys.readouterr().out)[1])
    assert "seed=range(5)" in more
    assert "optimizer.lr=0.1" in more or "optimizer.lr=0.2" in more
    assert not any("hydra/sweeper" in word for word in more)
    assert main(more[more.index("train") + 1 :]) == 0
    assert "5 runs: 5 finished (1 of them earlier, 1 linked)" in capsys.readouterr().out


def test_an_interrupted_run_says_how_to_go_on_and_it_works(tmp_path):
    words = ["data=synthetic", "training.epochs=400", "model.hidden=[8]", "tracking=off", "outputs=out"]
    command = [sys.executable, str(SCRIPTS / "train.py"), *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if re.match(r" +3/400", line):
                process.send_signal(signal.SIGINT)
                break
        _, error = process.communicate(timeout=100)
    assert process.returncode == 130
    typed = re.search(r"this goes on with it: (.*)", error)[1]
    done = subprocess.run(shlex.split(typed), cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    (result,) = tmp_path.glob("out/runs/*/*/result.json")
    assert json.loads(result.read_text())["status"] == "finished"
    assert "resumed" in done.stdout


def test_the_live_table_keeps_bar_and_best_apart():
    made = SweepReport("made up", grid({"optimizer": {"sgd": 0.0, "adam": 0.1}}, seeds=2))
    console = Console(width=80, file=io.StringIO(), record=True)
    monitor = Monitor(lambda: made, lambda report: None, 4, console)
    console.print(monitor.render(made))
    lines = console.export_text().splitlines()
    (best,) = (line for line in lines if "best so far" in line)
    assert best.strip() == f"best so far: {made.best.overrides['optimizer']} s{made.best.overrides['seed']}"
    assert any(set(line.strip()) == {"━"} for line in lines)


def test_without_a_terminal_there_is_room(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert wide_console().width == WIDE
    monkeypatch.setenv("COLUMNS", "90")
    assert wide_console().width == 90


WORDS = ["sweep.exclude=['optimizer=sgd']", "name=it's $HOME", "x='!a'", "seed=range(3)", "lr=0.1", "a='b' \"c\""]


@pytest.mark.parametrize("word", WORDS)
def test_commands_can_be_copied_and_read(word):
    quoted = command("train", word).split(" train ", 1)[-1].split("train.py ", 1)[-1]
    assert shlex.split(quoted) == [word]
    if word.startswith("sweep.exclude"):
        assert quoted == f'"{word}"'
