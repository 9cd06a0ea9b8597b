"""``sweep.dry_run=true`` by the real command line: what it says, and that it leaves nothing behind."""

import json
import os
import re

import pytest

from mnist_np.cli.dry_run import listed, size
from mnist_np.cli.train import main
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.sweep.forecast import Forecast, forecast, run_seconds

QUICK = ["data=synthetic", "training.epochs=2", "model.hidden=[8]"]


def sweep(outputs, *arguments):
    return main(["-m", *QUICK, "tracking=off", f"outputs={outputs}", *arguments])


def everything(folder):
    return {path: os.stat(path).st_mtime_ns for path in folder.rglob("*")}


def test_a_dry_run_of_a_new_sweep_writes_nothing_and_says_all(tmp_path, capsys):
    assert sweep(tmp_path / "outputs", "optimizer=sgd,adam", "seed=range(30)", "sweep.dry_run=true") == 0
    said = capsys.readouterr().out
    assert "60 jobs: 0 finished, 0 resumable, 60 new" in said
    assert "from steps measured now" in said
    assert "disk: about" in said
    assert "sgd, adam" in said
    assert "29 (30 values)" in said
    assert "nothing was run or written" in said
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_paired_values_in_their_pairs(tmp_path, capsys):
    arguments = ["optimizer.lr=0.3,0.2,0.1", "model.hidden=[8],[16],[32]", "seed=1,0", "sweep.zip=[[model.hidden,optimizer.lr]]"]
    assert sweep(tmp_path / "outputs", *arguments, "sweep.dry_run=true") == 0
    said = capsys.readouterr().out
    assert "model.hidden with optimizer.lr" in said
    assert "[8] with 0.3, [16] with 0.2, [32] with 0.1" in said
    assert "seed" in said
    assert "0, 1" in said


def test_a_dry_run_with_tracking_makes_no_store(tmp_path, capsys):
    assert main(["-m", *QUICK, f"outputs={tmp_path / 'outputs'}", "seed=0,1", "sweep.dry_run=true"]) == 0
    assert "2 new" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_knows_what_is_finished_here_and_elsewhere_and_what_goes_on(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert main([*QUICK, "tracking=off", f"outputs={out}", "seed=5"]) == 0  # a single run
    assert sweep(out, "seed=0,1,2") == 0
    folder = next(out.glob("sweeps/*/seed=2-*"))
    (folder / "result.json").unlink()
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints" / "step-0000000008.safetensors").write_bytes(b"")
    before = everything(out)
    capsys.readouterr()
    assert sweep(out, "seed=0,1,2,5,6", "sweep.dry_run=true") == 0
    said = capsys.readouterr().out
    assert "5 jobs: 3 finished, 1 resumable, 1 new" in said
    assert "as finished runs of the same size took" in said
    assert everything(out) == before
    assert sweep(out, "seed=0,1,2,5", "sweep.skip_finished=false", "sweep.dry_run=true") == 0
    assert "4 jobs: 0 finished" in capsys.readouterr().out


def test_a_dry_run_refuses_what_the_sweep_would_refuse(tmp_path, capsys):
    assert sweep(tmp_path / "outputs", "optimizer.lr=0.1,-1", "sweep.dry_run=true") == 2
    assert "optimizer.lr" in capsys.readouterr().err


def test_a_dry_run_of_a_single_run_is_refused(train):
    outcome = train(*QUICK, "sweep.dry_run=true")
    assert outcome.code == 2
    assert "sweep.dry_run" in outcome.err
    assert "-m" in outcome.err


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=local", "hydra.launcher.workers=3"]], ids=["here", "local"])
def test_a_dry_run_of_a_search(tmp_path, capsys, launcher):
    pytest.importorskip("optuna")
    arguments = ["hydra/sweeper=search", "optimizer.lr=tag(log,interval(0.01,1))", "sweep.search.trials=7", "sweep.dry_run=true"]
    assert sweep(tmp_path / "outputs", *arguments, *launcher) == 0
    said = capsys.readouterr().out
    assert "a search of 7 runs, 0 of which" in said
    assert ("by 3 workers" if launcher else "one at a time") in said
    assert "interval(0.01,1)" in said
    assert not list(tmp_path.iterdir())


def test_a_dry_run_of_a_search_counts_the_trials_of_this_space(tmp_path, capsys):
    pytest.importorskip("optuna")
    arguments = ["hydra/sweeper=search", "optimizer.lr=interval(0.1,0.2)", "sweep.search.seeds=2", "sweep.search.pruner=none"]
    assert sweep(tmp_path, *arguments, "sweep.search.trials=2") == 0
    before = everything(tmp_path)
    capsys.readouterr()
    assert sweep(tmp_path, *arguments, "sweep.search.trials=3", "sweep.dry_run=true") == 0
    assert "a search of 6 runs, 4 of which earlier starts have begun" in capsys.readouterr().out
    assert sweep(tmp_path, *arguments, "sweep.search.trials=3", "sweep.metric=best/val_loss", "sweep.dry_run=true") == 0
    assert "a search of 6 runs, 4 of which" in capsys.readouterr().out
    arguments[1] = "optimizer.lr=interval(0.1,0.3)"
    assert sweep(tmp_path, *arguments, "sweep.search.trials=1", "sweep.dry_run=true") == 0
    assert "a search of 2 runs, 0 of which" in capsys.readouterr().out
    assert everything(tmp_path) == before


def test_a_dry_run_of_a_search_counts_without_what_is_excluded(tmp_path, capsys):
    pytest.importorskip("optuna")

    def counts(*arguments):
        assert sweep(tmp_path, "hydra/sweeper=search", *arguments, "sweep.dry_run=true") == 0
        return re.search(r"a search of (\d) runs, (\d) of which", capsys.readouterr().out).groups()

    lr = "optimizer.lr=0.1,0.2,0.3"
    assert sweep(tmp_path, "hydra/sweeper=search", lr, "tracking.figures=false") == 0
    assert counts(lr) == ("3", "3")
    assert counts(lr, "sweep.exclude=['optimizer.lr<0.15']") == ("2", "2")
    assert counts(lr, "sweep.skip_finished=false") == ("3", "0")
    norm = ["model.norm=layer", "model.norm_output=true,false"]
    assert counts(lr, *norm, "sweep.exclude=['model.norm_output=true']") == ("3", "0")
    keys = ["experiment=record_98,record_99", "data.validation_size=100", lr]
    some = "sweep.exclude=['experiment=record_98 and optimizer.lr>0.15']"  # a key of the command line that no config has
    assert counts(*keys, some) == ("4", "0")


def test_the_estimate_is_of_the_size_of_what_it_takes(tmp_path):
    experiment = Experiment(data=Synthetic(examples=4000), training=Training(epochs=4))
    data = experiment.load_data()
    from mnist_np.training.run import run

    pairs = [
        (run_seconds(experiment, data), run(experiment, data).seconds) for _ in range(3)
    ]  # a machine may be busy for a while
    estimated, took = (min(seconds) for seconds in zip(*pairs, strict=True))
    assert 0.2 < estimated / took < 5


def test_finished_runs_of_the_same_size_are_what_is_learned_from(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, "seed=0,1") == 0
    folders = []
    for i, path in enumerate(out.glob("sweeps/*/*/result.json")):
        result = json.loads(path.read_text())
        path.write_text(json.dumps(result | {"seconds": 10.0 + i}))
        folders.append(path.parent)
    from mnist_np.storage.saved_run import SavedRun

    known = SavedRun("a", folders[0]).experiment
    known.optimizer.lr = 0.7  # takes no longer
    other = SavedRun("a", folders[0]).experiment
    other.model.hidden = [16]
    found = forecast([known, known, other], out, folders, False, False)
    assert found.seconds[:2] == [10.5, 10.5]
    assert found.seconds[2] < 10
    assert found.known == 2
    assert found.bytes > 0


def test_workers_share_the_time():
    needs = Forecast([9.5, 9.5, 9.5, 9.5], 4, 0)
    assert needs.duration(1) == 40
    assert needs.duration(2) == 20
    assert needs.duration(3) == 20
    assert needs.duration(9) == 10
    assert Forecast([], 0, 0).duration(2) == 0


def test_words():
    assert [size(n) for n in (0, 12e6, 3.4e9)] == ["1 MB", "12 MB", "3.4 GB"]
    assert listed(["1", "2"]) == "1, 2"
