"""Promise: whatever becomes of a small file of a run, the commands that read it come to an end, with what they can tell or with
one line; and an interrupted run is continued, to the bit."""

import json
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing

import pytest
from damage import DAMAGES

from mnist_np.cli.train import main as train
from mnist_np.commands import compare, evaluate, rerun, sync
from mnist_np.training.loop import Trainer

pytestmark = pytest.mark.fault

SMALL = ["data=synthetic", "data.examples=96", "data.validation_size=32", "model.hidden=[4]", "optimizer=adam"]
SMALL += ["training.epochs=3", "training.batch_size=16", "tracking.figures=false"]
FILES = ("config.yaml", "history.csv", "journal.jsonl", "result.json", "run.json", "tracking.json")
SYNCED = ("journal.jsonl", "tracking.json")
"""What ``sync`` reads, which takes a while."""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The outputs of a run that has ended."""
    outputs = tmp_path_factory.mktemp("template") / "outputs"
    assert train([*SMALL, f"outputs={outputs}", f"hydra.run.dir={outputs}/runs/today/run"]) == 0
    return outputs


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """The outputs of the same run, which was told to end in its second epoch."""
    return interrupted_run(tmp_path_factory, "tracking=off")


@pytest.fixture(scope="module")
def interrupted_and_tracked(tmp_path_factory):
    """The same, in MLflow too."""
    return interrupted_run(tmp_path_factory, "tracking=sqlite")


def interrupted_run(tmp_path_factory, tracking):
    outputs = tmp_path_factory.mktemp("interrupted") / "outputs"
    with pytest.MonkeyPatch.context() as patch:
        batch, batches = Trainer.update, iter(range(6))

        def update(self, *given):
            if next(batches, None) is None:
                os.kill(os.getpid(), signal.SIGTERM)
            return batch(self, *given)

        patch.setattr(Trainer, "update", update)
        words = [*SMALL, tracking, f"outputs={outputs}", f"hydra.run.dir={outputs}/runs/today/run"]
        assert train(words) == 128 + signal.SIGTERM
    return outputs


def damaged(outputs, folder, name, damage):
    """A copy of the outputs in which a file of the run is spoilt. Gives the run's folder."""
    copy = shutil.copytree(outputs, folder / "outputs")
    DAMAGES[damage](copy / "runs/today/run" / name)
    return copy / "runs/today/run"


@pytest.fixture
def call(monkeypatch, capsys):
    def call(command, *arguments):
        monkeypatch.setattr(sys, "argv", [command.__name__, *map(str, arguments)])
        code = command.main()
        said = capsys.readouterr()
        assert code in (0, 1, 2)
        assert "Traceback" not in said.err
        assert "\x1b" not in said.out + said.err
        assert len(said.err.splitlines()) <= 1, said.err
        assert len(said.out + said.err) < 20_000
        return code

    return call


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_commands_come_to_an_end(name, damage, template, tmp_path, call):
    run = damaged(template, tmp_path, name, damage)
    call(compare, run, template / "runs/today/run")
    call(compare, tmp_path / "outputs")
    assert call(evaluate, run) == 0, "which needs none of these"
    if name in SYNCED:
        call(sync, run, "--outputs", tmp_path / "outputs")
    if (name, damage) != ("config.yaml", "an empty object"):  # that is the default experiment, which takes a while
        call(rerun, run, "--outputs", tmp_path / "again")


USUAL = ("gone", "empty", "cut at 0.5", "lists", "not a number", "a link to a device", "a pipe", "a folder")
"""Damages that are tried by default; the others take longer, and come to the same."""


@pytest.mark.parametrize("damage", [pytest.param(d, marks=[] if d in USUAL else pytest.mark.slow) for d in DAMAGES])
@pytest.mark.parametrize("name", ["config.yaml", "history.csv", "result.json", "run.json"])
def test_an_interrupted_run_is_continued(name, damage, interrupted, template, tmp_path, capsys):
    damaged(interrupted, tmp_path, name, damage)
    code = train([*SMALL, "tracking=off", f"outputs={tmp_path / 'outputs'}", "training.resume=auto"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if damage == "a folder":  # which no process of ours leaves, and none removes
        assert (code, len(said.err.splitlines()) <= 3) == (1, True), said.err
        return
    assert code == 0
    ended = [
        path.parent
        for path in tmp_path.glob("outputs/runs/*/*/result.json")
        if json.loads(path.read_text())["status"] == "finished"
    ]
    (expected,) = template.glob("runs/*/*/weights.safetensors")
    assert [(folder / "weights.safetensors").read_bytes() for folder in ended] == [expected.read_bytes()]


@pytest.mark.parametrize("damage", [pytest.param(d, marks=[] if d in USUAL else pytest.mark.slow) for d in DAMAGES])
@pytest.mark.parametrize("name", SYNCED)
def test_an_interrupted_run_is_continued_in_mlflow(name, damage, interrupted_and_tracked, template, tmp_path, capsys):
    """Under its own id, each number logged once, whichever of the two files is lost: each tells what the other must know."""
    damaged(interrupted_and_tracked, tmp_path, name, damage)
    outputs = tmp_path / "outputs"
    code = train([*SMALL, f"outputs={outputs}", "training.resume=auto"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if (
        damage in ("a folder", "a pipe", "a link to a device", "a link to nothing", "a link to itself", "a terabyte")
        and name == "journal.jsonl"
    ):
        assert (code, len(said.err.splitlines()) <= 3) == (1, True), said.err
        return
    if damage == "a folder":
        assert (code, len(said.err.splitlines()) <= 3) == (1, True), said.err
        return
    assert code == 0, said.err
    with closing(sqlite3.connect(outputs / "mlflow.db")) as store:
        runs = store.execute("select run_uuid, status from runs").fetchall()
        epochs = store.execute("select step, count(*) from metrics where key = 'train/loss' group by step").fetchall()
        latest = store.execute("select value from latest_metrics where key = 'test/accuracy'").fetchall()
    assert [status for _, status in runs] == ["FINISHED"]
    assert epochs == [(1, 1), (2, 1), (3, 1)]
    (result,) = outputs.glob("runs/*/*/result.json")
    assert latest == [(json.loads(result.read_text())["metrics"]["test/accuracy"],)]


SWEEP = ["-m", *SMALL, "tracking=off", "seed=0,1"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The outputs of a sweep that has ended."""
    outputs = tmp_path_factory.mktemp("swept") / "outputs"
    assert train([*SWEEP, f"outputs={outputs}"]) == 0
    return outputs


@pytest.mark.parametrize("damage", [pytest.param(d, marks=[] if d in USUAL else pytest.mark.slow) for d in DAMAGES])
def test_the_list_of_a_sweep_s_jobs(damage, swept, tmp_path, call, capsys):
    """The sweep's own command makes it anew, and trains nothing again."""
    outputs = shutil.copytree(swept, tmp_path / "outputs")
    (jobs,) = outputs.glob("sweeps/*/jobs.jsonl")
    whole, weights = jobs.read_bytes(), sorted(outputs.glob("sweeps/*/*/weights.safetensors"))
    times = [path.stat().st_mtime_ns for path in weights]
    DAMAGES[damage](jobs)
    call(compare, jobs.parent)
    call(compare, outputs)
    code = train([*SWEEP, f"outputs={outputs}"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if damage == "a folder":
        assert (code, len(said.err.splitlines())) == (1, 1), said.err
        return
    assert code == 0, said.err
    assert sorted(jobs.read_bytes().splitlines()) == sorted(whole.splitlines())
    assert [path.stat().st_mtime_ns for path in weights] == times
