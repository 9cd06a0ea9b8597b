"""Paired values, unions of grids, exclusions and logarithmic ranges, by the real command line."""

import json

import pytest

from mnist_np.cli.logspace import expand
from mnist_np.cli.train import main
from mnist_np.component import ConfigError

QUICK = ["data=synthetic", "training.epochs=1", "model.hidden=[8]", "tracking=off"]


ONE_WAY = [("0.1", "0"), ("0.1", "1"), ("0.1", "2"), ("0.2", "0"), ("0.2", "2")]


def sweep(outputs, *arguments):
    return main(["-m", *QUICK, f"outputs={outputs}", *arguments])


def jobs(outputs):
    """What varied in each job of the only sweep."""
    (path,) = outputs.glob("sweeps/*/jobs.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def varied(outputs):
    return sorted(tuple(sorted(job["overrides"].items())) for job in jobs(outputs))


def test_paired_values_run_in_pairs_and_are_one_sweep_in_any_order(tmp_path, capsys):
    out = tmp_path / "outputs"
    assert sweep(out, "model.hidden=[8],[16]", "optimizer.lr=0.1,0.2", "seed=0,1", "sweep.zip=[[model.hidden,optimizer.lr]]") == 0
    first = jobs(out)
    assert {(job["overrides"]["model.hidden"], job["overrides"]["optimizer.lr"]) for job in first} == {
        ("[8]", "0.1"),
        ("[16]", "0.2"),
    }
    assert len(first) == 4
    capsys.readouterr()
    assert sweep(out, "seed=1,0", "optimizer.lr=0.2,0.1", "model.hidden=[16],[8]", "sweep.zip=[[optimizer.lr,model.hidden]]") == 0
    assert "4 finished (4 of them earlier" in capsys.readouterr().out
    assert {job["fingerprint"] for job in jobs(out)} == {job["fingerprint"] for job in first}


def test_a_value_may_be_named_twice_in_a_pair(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, "model.hidden=[8],[8],[16]", "optimizer.lr=0.1,0.2,0.2", "sweep.zip=[[model.hidden,optimizer.lr]]") == 0
    assert len(jobs(out)) == 3


def test_a_value_that_is_written_in_two_ways_is_one(tmp_path, capsys):
    """Each grid has seeds of its own, so that the runs of a value are written in both ways."""
    first, second = '{optimizer.lr:"0.1,0.2",seed:"0,1"}', '{optimizer.lr:"0.2,1e-1,0.3",seed:"2,1"}'
    assert (
        sweep(tmp_path, f"sweep.grids=[{first},{second}]", "sweep.exclude=['optimizer.lr=0.3','optimizer.lr=0.2 and seed=1']")
        == 0
    )
    assert varied(tmp_path) == [(("optimizer.lr", lr), ("seed", seed)) for lr, seed in ONE_WAY]
    said = capsys.readouterr().out
    assert "sweep.exclude leaves out 4 of 10 combinations" in said
    assert "6 combinations, 5 different" in said


def test_the_union_of_grids_runs_each_point_once_in_any_order(tmp_path, capsys):
    out, first = tmp_path / "outputs", '{optimizer:sgd,optimizer.lr:"0.1,0.2"}'
    second, third = '{optimizer:adam,optimizer.lr:"0.001"}', '{optimizer:sgd,optimizer.lr:"0.2,0.3"}'
    assert sweep(out, f"sweep.grids=[{first},{second},{third}]", "seed=range(2)") == 0
    assert "10 combinations, 8 different" in capsys.readouterr().out
    assert len(jobs(out)) == 8
    fingerprints = {job["fingerprint"] for job in jobs(out)}
    assert sweep(out, "seed=1,0", f"sweep.grids=[{third},{first},{second}]") == 0
    assert {job["fingerprint"] for job in jobs(out)} == fingerprints
    assert "8 finished (8 of them earlier" in capsys.readouterr().out


def test_a_sweep_file_with_grids(tmp_path):
    folder = tmp_path / "own" / "sweep"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults: [default@sweep, _self_]\n"
        "hydra: {mode: MULTIRUN, sweeper: {params: {seed: 'range(2)'}}}\n"
        "sweep:\n"
        "  grids:\n"
        "    - {optimizer: sgd, optimizer.lr: 'logspace(0.01,1,3)', model.hidden: [4]}\n"
        "    - {optimizer: adam, training.patience: null}\n"
    )
    out = tmp_path / "outputs"
    arguments = ["data=synthetic", "training.epochs=1", "tracking=off", f"outputs={out}", "sweep=mine"]
    assert main(["--config-dir", str(folder.parent), *arguments]) == 0
    found = jobs(out)
    assert len(found) == 8
    assert {job["overrides"].get("optimizer.lr") for job in found} == {"0.01", "0.1", "1.0", None}
    assert main(["--config-dir", str(folder.parent), *arguments, "seed=0", "optimizer.lr=0.5"]) == 0  # the last word


def test_exclusions_by_what_varies_and_by_what_does_not(tmp_path, capsys):
    out = tmp_path / "outputs"
    sets = ["optimizer=sgd,adam", "optimizer.lr=0.001,0.1", "sweep.exclude=['optimizer=sgd and optimizer.lr<0.01']"]
    assert sweep(out, *sets) == 0
    assert len(jobs(out)) == 3
    assert "sweep.exclude leaves out 1 of 4 combinations" in capsys.readouterr().out
    assert sweep(tmp_path / "b", "seed=0,1", "optimizer=sgd,adam", "sweep.exclude=['optimizer.lr=0.1']", "optimizer.lr=0.2") == 0
    assert "leaves out none of 4" in capsys.readouterr().out


@pytest.mark.parametrize(("condition", "n"), [("=true", "2"), ("=True", "2"), ("!=true", "2"), ("=null", "none")])
def test_exclusions_of_true_and_false(tmp_path, capsys, condition, n):
    sets = ["model.norm=layer", "model.norm_output=true,false", "model.hidden=[4],[5]", "sweep.dry_run=true"]
    assert sweep(tmp_path / "outputs", *sets, f"sweep.exclude=['model.norm_output{condition}']") == 0
    assert f"sweep.exclude leaves out {n} of 4 combinations" in capsys.readouterr().out


def test_keys_that_only_some_options_have(tmp_path, capsys):
    keys = ["optimizer=sgd,adam", "optimizer.beta1=0.8,0.9"]
    assert sweep(tmp_path / "a", *keys) == 2
    said = capsys.readouterr().err
    assert "optimizer.beta1" in said
    assert "in the combination optimizer=sgd optimizer.beta1=0.8; sweep.exclude" in said
    assert sweep(tmp_path / "b", *keys, "sweep.exclude=['optimizer=sgd and optimizer.beta1<0.9']") == 2
    assert sweep(tmp_path / "c", *keys, "sweep.exclude=['optimizer=sgd']") == 0
    assert len(jobs(tmp_path / "c")) == 2
    assert sweep(tmp_path / "d", 'sweep.grids=[{optimizer:sgd},{optimizer:adam,optimizer.beta1:"0.8,0.9"}]') == 0
    assert len(jobs(tmp_path / "d")) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep.zip=[[model.hidden,optimizer.lr]]", "model.hidden=[8],[16]", "optimizer.lr=0.1,0.2,0.3"], "optimizer.lr has 3"),
        (["sweep.zip=[[model.hidden,optimizer.lr]]", "model.hidden=[8],[16]"], "optimizer.lr does not vary"),
        (["sweep.zip=[[model.hidden,optimizer.lr]]", "seed=0,1"], "model.hidden does not vary"),
        (["sweep.zip=[[seed]]", "seed=0,1"], "two keys or more"),
        (["sweep.zip=[seed,optimizer.lr]", "seed=0,1"], "sweep.zip"),
        (["sweep.zip=[[seed,optimizer.lr],[seed,init]]", "seed=0,1"], "names seed twice"),
        (["sweep.exclude=['seed']", "seed=0,1"], "cannot be read"),
        (["sweep.exclude=['sed=1']", "seed=0,1"], "did you mean 'seed'"),
        (["sweep.exclude=['seed<5']", "seed=0,1"], "leaves out every combination"),
        (["sweep.grids=[{}]", "seed=0,1"], "must be a mapping"),
        (["sweep.grids=[{optmizer:sgd}]"], "optmizer"),
        (["sweep.grids=[{optimizer:adam,seed:4}]", "seed=0,1"], "values that sweep.grids has for seed would"),
        (["sweep.grids=[{tracking:\"off,sqlite\"}]"], "takes one value"),
        (["optimizer.lr=logspace(0,1,5)"], "both above 0"),
        (["training.batch_size=tag(log,range(1,9))"], "a grid has its values on a logarithmic scale from logspace(a,b,n)"),
        (["optimizer.lr=logspace(1e-4,1)"], "logspace(a,b,n)"),
        (["optimizer.lr=logspace(1e-4,1,1)"], "n must be from 2"),
        (["seed=range(101)", "sweep.grids=[{init:\"xavier,normal\"},{init:zeros}]", "sweep.max_jobs=300"], "303 jobs"),
        (["hydra/sweeper=search", "optimizer.lr=interval(0.1,1)", "sweep.zip=[[seed,optimizer.lr]]"], "sweep.zip"),
        (["hydra/sweeper=search", "optimizer.lr=interval(0.1,1)", "sweep.grids=[{seed:1}]"], "sweep.grids"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_before_anything_runs(tmp_path, capsys, arguments, said):
    if "hydra/sweeper=search" in arguments:
        pytest.importorskip("optuna")
    assert sweep(tmp_path / "outputs", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "values"),
    [
        ("logspace(1e-4,1,9)", "0.0001,0.000316,0.001,0.00316,0.01,0.0316,0.1,0.316,1.0"),
        ("logspace(16,256,5)", "16,32,64,128,256"),
        ("logspace(1,3,9)", "1,2,3"),
        ("logspace(1.0,3,3)", "1.0,1.73,3.0"),
        ("logspace(1,1e-2,3)", "1.0,0.1,0.01"),
        ("logspace(1.0001,1.0004,4)", "1.0001,1.0002,1.0003,1.0004"),
        ("5,logspace(1e-2,1,2)", "5,0.01,1.0"),
        ("'logspace(1,2,3)'", "'logspace(1,2,3)'"),
    ],
)
def test_a_logarithmic_range_is_written_out(call, values):
    assert expand(f"key={call}") == f"key={values}"


WRONG = ["", "1,2,x", "1,1,3", "-1,1,3", "nan,1,3", "1,inf,3", "1,2,3,4", "1,2,2.5", "1.0,2,100000"]


@pytest.mark.parametrize("call", [f"logspace({numbers})" for numbers in WRONG])
def test_what_is_no_logarithmic_range(call):
    with pytest.raises(ConfigError, match="logspace"):
        expand(f"key={call}")


def test_a_logarithmic_range_in_a_sweep(tmp_path):
    out = tmp_path / "outputs"
    assert sweep(out, "optimizer.lr=logspace(1e-2,1,3)", "training.batch_size=logspace(16,64,3)") == 0
    assert len(jobs(out)) == 9
