"""Sweeps by the real command line: what runs, what is skipped, what is left behind, and what is said."""

import dataclasses
import json
import re
import weakref

import pytest
from sweeps import QUICK, sweep

from mnist_np.cli.arguments import parse
from mnist_np.cli.compose import compose, context, to_run_config, without_hydra
from mnist_np.cli.composer import Composer
from mnist_np.cli.objectives import check_objectives
from mnist_np.cli.schemas import store_schemas
from mnist_np.cli.train import main
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment
from mnist_np.serialize import to_dict
from mnist_np.storage.run_index import run_folders
from mnist_np.sweep.run_config import RunConfig
from tests.programs import results


def test_a_grid_runs_every_combination_and_skips_them_the_next_time(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert sweep(out, "activation=relu,tanh", "seed=range(2)") == 0
    before = {name: result["ended"] for name, result in results(out).items()}
    assert len(before) == 4
    assert all(re.fullmatch(r"activation=\w+-seed=\d-\w{8}", name) for name in before)
    assert sweep(out, "activation=relu,tanh", "seed=range(3)") == 0
    after = results(out)
    assert len(after) == 6
    assert all(after[name]["ended"] == ended for name, ended in before.items())
    assert "6 finished (4 of them earlier)" in capsys.readouterr().out
    folder = next(out.glob("sweeps/*"))
    assert {"configurations.csv", "summary.json", "figures"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=local", "hydra.launcher.workers=2"]], ids=["here", "local"])
def test_combinations_with_the_same_result_run_once(tmp_path, capsys, launcher):
    out = tmp_path / "outputs"
    assert sweep(out, "seed=1,1,2", "optimizer.lr=0.1,1e-1", *launcher) == 0
    said = capsys.readouterr().out
    assert "6 combinations, 2 different" in said
    assert "2 runs: 2 finished" in said
    assert len(results(out)) == 2
    assert sweep(out, "++seed=2,1", "++optimizer.lr=0.1") == 0
    assert "2 runs: 2 finished (2 of them earlier, 2 linked)" in capsys.readouterr().out
    assert {len(file.read_text().splitlines()) for file in out.glob("sweeps/*/configurations.csv")} == {2}


@pytest.mark.fault
def test_finished_runs_run_anew_when_asked_and_the_old_ones_are_kept(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, "seed=0,1") == 0
    assert sweep(out, "seed=0,1", "sweep.skip_finished=false") == 0
    assert len(results(out)) == 2
    assert len(list(out.glob("sweeps/*/replaced/*/result.json"))) == 2


def moved(folder, to):
    """Put a folder elsewhere, with a link in its place."""
    folder.rename(to)
    folder.symlink_to(to)


def test_runs_are_found_where_a_folder_of_the_outputs_is_a_link(tmp_path, capsys):
    out, disk = tmp_path / "outputs", tmp_path / "disk"
    assert sweep(out, "seed=0,1") == 0
    moved(out / "sweeps", disk)
    for name, target in (
        ("again", disk),
        ("within", out / "sweeps" / "x"),
        ("loop", out),
        ("above", tmp_path),
        ("gone", out / "no"),
    ):
        (out / name).symlink_to(target)  # each run is found once
    before = results(out)
    capsys.readouterr()
    assert sweep(out, "seed=0,1") == 0
    assert "2 finished (2 of them earlier" in capsys.readouterr().out
    assert results(out) == before
    assert [folder.parent.parent for folder in run_folders(out)] == [out / "sweeps"] * 2


def test_a_finished_run_that_was_not_found_is_kept(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, "seed=0,1") == 0
    (folder,) = out.glob("sweeps/*")
    moved(folder, tmp_path / "disk")  # runs are not looked for behind a link so far in
    for n in 1, 2:
        assert sweep(out, "seed=0,1") == 0
        assert len([*folder.glob("*/result.json"), *folder.glob("replaced/*/result.json")]) == 2 + 2 * n


def test_an_impossible_combination_is_named_and_nothing_runs(tmp_path, capsys):
    assert sweep(tmp_path / "outputs", "optimizer.lr=0.1,-1") == 2
    assert "optimizer.lr" in (error := capsys.readouterr().err)
    assert "-1" in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=3"],
        ["optimizer=adam", "optimizer.beta1=0.8", "seed=1", "model.hidden=[7,5]"],
        ["optimizer.lr=0.3", "experiment=keras_mnist_mlp", "training.epochs=2"],
        ["sweep=inits", "+model.activations=[tanh,relu]", "outputs=elsewhere", "data=synthetic", "data.side=6"],
        ["seed=3", "training.epochs=${seed}", "name=${seed}", "optimizer.lr=0.5"],
        ["seed=3", "name=${oc.env:HOME}", "sweep.search.seeds=2"],
    ],
    ids=str,
)
def test_a_job_is_composed_as_hydra_composes_it(overrides):
    store_schemas()
    base = compose(parse(["-m", *QUICK]))
    composer = Composer(context(), base)
    composer(["seed=7", *(text for text in overrides if "." not in text)])  # the copies that follow must not know of it
    whole = context().config_loader.load_sweep_config(base, overrides)
    assert to_dict(composer(overrides)) == to_dict(to_run_config(without_hydra(whole)))


def test_jobs_share_what_they_have_in_common():
    """Ten thousand jobs cost what varies in them, in time and in memory."""
    store_schemas()
    base = compose(parse(["-m", *QUICK]))
    composer = Composer(context(), base)
    jobs = [composer([f"optimizer.lr={lr}", f"seed={seed}"]) for lr in (0.1, 0.2, 0.3) for seed in range(4)]
    made = {f.name: len({id(getattr(job, f.name)) for job in jobs}) for f in dataclasses.fields(RunConfig)}
    assert made["optimizer"] == 3
    assert made["sweep"] == 12  # each has its job's name
    assert {key for key, n in made.items() if n > 1} <= {"optimizer", "sweep", "seed", "plugins", "observers"}
    jobs[0].sweep.child = "only mine"
    assert jobs[1].sweep.child is None
    assert [(job.optimizer.lr, job.seed) for job in jobs[:5]] == [(0.1, 0), (0.1, 1), (0.1, 2), (0.1, 3), (0.2, 0)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["sweep.metric=best/val_acc"],
            "sweep.metric=best/val_acc: no such metric; did you mean 'best/val_accuracy'? must be one of",
        ),
        (["sweep.metric=val/accuracy"], "sweep.metric=val/accuracy: no such metric; did you mean 'best/val_accuracy'?"),
        (["sweep.metric=best/val_ece"], "is measured only where it is asked for: training.metrics=[ece]"),
        (["sweep.metric=best/val_loss", "data.validation_size=0"], "needs validation examples: data.validation_size must be > 0"),
        (["sweep.direction=max"], "sweep.direction=max: did you mean 'maximize'?"),
        (["activation=glob(x*)"], "activation=glob(x*): matches no option; there are elu, "),
        (["optimizer.lr=glob(*)"], "optimizer.lr=glob(*): glob(...) chooses among the options of a group"),
        (["training.epochs=range(3,3)"], "training.epochs=range(3,3): has no values"),
        (["training.epochs=range(0,3,0)"], "training.epochs=range(0,3,0): "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_before_the_first_run(arguments, said, tmp_path, capsys):
    assert sweep(tmp_path / "outputs", "seed=0,1", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_glob_is_every_option_that_matches(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert sweep(out, "activation=glob([*elu,tanh],exclude=leaky*)", "training.epochs=1") == 0
    assert {name.split("-")[0] for name in results(out)} == {
        f"activation={name}" for name in ("elu", "gelu", "relu", "selu", "tanh")
    }
    assert main([*QUICK, "activation=glob(*elu)"]) == 2
    assert "several values need -m" in capsys.readouterr().err


def test_a_metric_that_only_some_runs_have_ranks_those(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert sweep(out, "data.validation_size=0,32", "training.metrics=[ece]", "sweep.metric=best/val_ece") == 0
    assert sweep(out, "data.validation_size=0", "seed=0,1") == 0  # nothing to rank by, but nothing mistaken either


def test_losses_are_minimised_without_being_told(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, "optimizer.lr=0.001,0.3", "sweep.metric=best/val_loss") == 0
    summary = json.loads(next(out.glob("sweeps/*/summary.json")).read_text())
    assert summary["direction"] == "minimize"
    losses = {result["metrics"]["best/val_loss"] for result in results(out).values()}
    first, *_ = next(out.glob("sweeps/*/configurations.csv")).read_text().splitlines()[1:]
    assert any(str(min(losses))[:6] in cell for cell in first.split(","))


def test_an_interval_needs_a_search(tmp_path, capsys):
    assert sweep(tmp_path / "outputs", "optimizer.lr=interval(0.1,1)") == 2
    assert "hydra/sweeper=search" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_metrics_are_checked_with_one_data_set_in_memory(monkeypatch):
    loaded, alive, load = [], [], Experiment.load_data

    def watched(experiment):
        alive.append(sum(data() is not None for data in loaded))
        data = load(experiment)
        loaded.append(weakref.ref(data))
        return data

    monkeypatch.setattr(Experiment, "load_data", watched)
    check_objectives([RunConfig(data=Synthetic(validation_size=n)) for n in range(4)], needed=True)
    assert alive == [0, 1, 1, 1]
