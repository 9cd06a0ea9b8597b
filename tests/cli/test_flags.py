"""Hydra's flags and its own keys: each does what it says, or is refused in one line and nothing is trained or written."""

import pytest
import yaml

SMALL = ("data=synthetic", "tracking=off", "tracking.figures=false", "training.epochs=1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resolve"], "--resolve: belongs to --cfg"),
        (["--package", "optimizer"], "--package: belongs to --cfg"),
        (["-m", "--cfg", "job"], "--multirun and --cfg: only one"),
        (["--info", "--hydra-help"], "--info and --hydra-help: only one"),
        (["--cfg", "job", "-p", "nothing"], "--package nothing: there is no such part"),
        (["--cfg", "job", "-p", "["], "--package [: there is no such part"),
        (["--cfg", "no"], "invalid choice: 'no'"),
        (["--nonsense"], "--nonsense (see --help)"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: there is no such folder"),
        (["-m", "sweep=inits,seeds"], "sweep=inits,seeds: takes one value"),
        (["-m", "sweep.metric=a,b"], "sweep.metric=a,b: takes one value"),
        (["-m", "tracking=off,sqlite"], "tracking=off,sqlite: takes one value"),
        (["-m", "outputs=a,b"], "outputs=a,b: takes one value"),
        (["-m", "name=a,b"], "name=a,b: takes one value"),
        (["-m", "plugins=[a.py],[b.py]"], "takes one value: name all files in one list, and vary the options that they register"),
        (["-m", "hydra/launcher=local,basic"], "hydra/launcher=local,basic: takes one value"),
        (["-m", "seed=1,2", "hydra.sweep.dir=here"], "hydra.sweep.dir=here: cannot be chosen"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=here"], "hydra.sweep.subdir=here: cannot be chosen"),
        (["hydra.sweep.dir=here"], "hydra.sweep.dir=here: cannot be chosen"),
        (["-m", "seed=1,2", "hydra/sweeper=basic"], "hydra/sweeper=basic: keeps no table of its runs: must be grid"),
        (["-m", "seed=1,2", "hydra/sweeper=xyz"], "hydra/sweeper=xyz: no such option; must be one of grid, search"),
        (["hydra.job.chdir=true"], "hydra.job.chdir=true: must be false"),
        (["seed=1,2"], "several values need -m"),
    ],
    ids=str,
)
def test_refused_in_one_line(train, words, said, tmp_path):
    outcome = train(*SMALL, *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_config_says_which_option_was_chosen(train):
    outcome = train("--cfg", "job", "activation=tanh", "augment=shift", "experiment=lecun_300_100")
    lines = outcome.out.splitlines()
    assert lines[0] == "# experiment=lecun_300_100"
    assert "activation: {} # activation=tanh" in lines
    assert "augment: # augment=shift" in lines
    assert yaml.safe_load(outcome.out)["seed"] == 0


def test_the_config_is_shown_as_hydra_shows_it(train):
    assert yaml.safe_load(train("--cfg", "job", "-p", "optimizer", "optimizer=adam").out)["beta1"] == 0.9
    assert train("--cfg", "job", "--package", "seed", "seed=3").out == "3\n"
    assert "${outputs}" in train("--cfg", "hydra").out
    both = yaml.safe_load(train("--cfg", "all", "--resolve", "outputs=there").out)
    assert both["hydra"]["run"]["dir"].startswith("there/runs/")
    assert both["outputs"] == "there"
    assert "hydra" not in yaml.safe_load(train("--cfg", "job").out)
    assert set(yaml.safe_load(train("--cfg", "hydra").out)) == {"hydra"}


def test_a_sweep_file_sweeps_without_m_and_takes_more_values(train, tmp_path):
    outcome = train(*SMALL, "sweep=seeds", "seed=1,2", "sweep.name=two")
    assert outcome.code == 0, outcome.err
    assert len(list(tmp_path.glob("outputs/sweeps/two-*/*/result.json"))) == 2


def test_hydra_shows_its_own_pages(train, tmp_path):
    assert "command-line" in train("--info", "searchpath", "--config-dir", str(tmp_path)).out
    assert "== Flags ==" in train("--hydra-help").out
    assert list(tmp_path.iterdir()) == []


def test_options_of_ones_own_in_a_folder_with_a_blank(train, tmp_path):
    folder = tmp_path / "my options 100%" / "optimizer"
    folder.mkdir(parents=True)
    (folder / "slow.yaml").write_text("defaults: [base_sgd, _self_]\nlr: 0.001\n")
    outcome = train("--config-dir", str(folder.parent), "--cfg", "job", "-p", "optimizer.lr", "optimizer=slow")
    assert outcome.out == "0.001\n", outcome.err


def test_a_sweep_file_may_not_vary_what_has_no_effect(train, tmp_path):
    (tmp_path / "my" / "sweep").mkdir(parents=True)
    file = tmp_path / "my" / "sweep" / "names.yaml"
    file.write_text(
        "# @package _global_\ndefaults: [default@sweep, _self_]\nhydra: {mode: MULTIRUN, sweeper: {params: {name: 'a,b'}}}\n"
    )
    outcome = train(*SMALL, "--config-dir", "my", "sweep=names")
    assert (outcome.code, outcome.err.partition(":")[2].strip()[:27]) == (2, "name=a,b: takes one value: ")
    assert not (tmp_path / "outputs").exists()
