"""What a person sees: a bar only where there is a terminal, lines that fit it, and where to look in the end."""

import io
import re
import time
from dataclasses import replace

import pytest
from rich.console import Console

from mnist_np.api import run
from mnist_np.console import ConsoleReporter, duration, epoch_line
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.storage.run_folder import RunFolder
from mnist_np.training.events import Observer, RunStart, StopTraining
from mnist_np.training.progress import Progress

EXPERIMENT = Experiment(model=MLP(hidden=[8]), data=Synthetic(), training=Training(epochs=3))


def reported(*others, folder=None, look=(), terminal=False, experiment=EXPERIMENT):
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, highlight=False)
    result = run(experiment, [*others, ConsoleReporter(folder, look, console)])
    return result, console.file.getvalue()


def test_without_a_terminal_there_are_plain_lines_only():
    result, text = reported()
    assert "\x1b" not in text
    assert "\r" not in text
    assert "━" not in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "network        64-8-4 relu, 556 parameters"
    assert lines[1] == "data           synthetic: 512 train, 128 validation, 128 test"
    assert lines[2] == "training       sgd, lr 0.2, batch 64, float32, seed 0"
    assert lines[3] == f"computed by    {result.mode}"
    epochs = [line for line in lines if re.match(r" *\d/3 ", line)]
    assert len(epochs) == 3
    assert f"{result.history[-1]['val/accuracy']:.2%}" in epochs[-1]
    starred = [line.endswith("*") for line in epochs]
    assert starred[result.best_epoch - 1]
    assert not any(starred[result.best_epoch :])


def test_a_name_is_shown_as_it_is_and_does_nothing_to_the_terminal():
    class Named(Synthetic):
        def load(self, *given):
            return replace(super().load(*given), name="digits[v2]\x1b[2J")

    _, text = reported(experiment=replace(EXPERIMENT, data=Named()))
    assert text.splitlines()[1] == r"data           digits[v2]\x1b[2J: 512 train, 128 validation, 128 test"


def test_the_end_says_what_came_of_it_and_where_to_look(tmp_path):
    result, text = reported(RunFolder(tmp_path), folder=tmp_path, look=[("MLflow", lambda: "python scripts/ui.py")])
    assert re.search(r"status +finished", text)
    assert re.search(rf"test accuracy +{result.test.accuracy:.2%}", text)
    assert re.search(rf"validation .* at epoch {result.best_epoch}", text)
    assert f"\n  {tmp_path}/figures/learning_curves.png\n" in text, "whole, to be copied, however long it is"
    assert text.splitlines()[-1] == "MLflow         python scripts/ui.py"


def test_on_a_terminal_the_bar_goes_when_the_run_does():
    class Slow(Observer):
        def on_epoch(self, event):
            time.sleep(0.3)

    _, text = reported(Slow(), terminal=True)
    assert "━" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor is hidden, and shown again"
    assert "━" not in text.rsplit("\x1b[?25h", 1)[1]


def test_a_run_that_breaks_leaves_the_terminal_as_it_was(monkeypatch):
    monkeypatch.setattr("mnist_np.training.run.conclude", lambda *_: 1 / 0)
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with pytest.raises(ZeroDivisionError):
        run(EXPERIMENT, [ConsoleReporter(console=console)])
    text = console.file.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_a_stopped_run_says_why():
    class Stop(Observer):
        def on_epoch(self, event):
            raise StopTraining("killed", "SIGINT")

    _, text = reported(Stop())
    assert re.search(r"status +killed SIGINT", text)


def test_the_bar_costs_no_step_anything():
    assert not ConsoleReporter.observes_steps


def test_the_bar_fits_the_line_and_knows_the_time_left():
    report = ConsoleReporter(console=Console(file=io.StringIO(), width=80))
    training = Training(epochs=1000)
    progress = Progress(optimizer={}, epoch=998, step=78_050, loss_sum=12.0, n_correct=90, n_seen=100)
    report.event = RunStart(replace(EXPERIMENT, training=training), None, None, progress, 78_200, 78)
    report.began, report.first_step = time.perf_counter() - 7805, 0
    bar = report.bar().plain
    assert len(bar) <= 80
    assert bar.startswith("epoch 999 ")
    assert "accuracy 90.00%" in bar
    assert bar.endswith("15 s left")


def test_before_the_first_step_nothing_is_foretold():
    report = ConsoleReporter(console=Console(file=io.StringIO(), width=80))
    report.event = RunStart(EXPERIMENT, None, None, Progress(optimizer={}), 24, 8)
    report.began, report.first_step = time.perf_counter(), 0
    assert report.bar().plain.rstrip().endswith("0%")


def test_an_epoch_without_validation_has_no_numbers_for_it():
    metrics = {"train/loss": 0.5, "train/accuracy": 0.9, "lr": 0.1, "time/epoch_s": 1.0}
    assert epoch_line(1, 10, metrics, False).split() == ["1/10", "0.5000", "90.00%", "-", "-", "0.1", "1.0", "s"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.21, "4.2 s"), (42.4, "42 s"), (59.7, "1:00"), (65, "1:05"), (3599.9, "1:00:00"), (7987, "2:13:07")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
