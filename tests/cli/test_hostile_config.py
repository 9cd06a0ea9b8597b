"""Configs that name code to call, wherever they hide it; and what Hydra and OmegaConf would answer with a traceback."""

import os

import pytest
from omegaconf import OmegaConf

from mnist_np.cli.hydra_node import entries

CALL = "{_target_: os.system, command: 'touch called'}"
HIDDEN = {
    "in a mapping": f"+hydra.launcher.x={CALL}",
    "in a list": f"+hydra.launcher.x=[{CALL}]",
    "in lists of lists": f"+hydra.sweeper.x=[1,[2,{{a: [{CALL}]}}]]",
    "behind an interpolation": "+hydra.launcher.x='${oc.create:{_target_: os.system}}'",
    "in a callback": f"+hydra.callbacks.x={CALL}",
    "in a list of callbacks": f"+hydra.callbacks.x=[{CALL}]",
    "in place of the launcher": "hydra.launcher._target_=os.system",
    "in place of the sweeper": "hydra.sweeper._target_=subprocess.check_output",
    "as the class of a log handler": "+hydra.job_logging.handlers.console={class: subprocess.Popen, args: [touch, called]}",
    "as the class of a formatter": "++hydra.hydra_logging.formatters.simple.class=subprocess.Popen",
    "in the experiment": f"+x={CALL}",
    "in a list of the experiment": f"+x=[{CALL}]",
    "in the sweep's values": f"+hydra.sweeper.params.x=[{CALL}]",
}


@pytest.mark.parametrize("override", HIDDEN.values(), ids=HIDDEN)
def test_no_config_names_code_to_call(override, train, tmp_path):
    done = train("data=synthetic", "-m", "seed=1", override)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1
    assert "may not name code to call" in done.err or "must begin with logging." in done.err
    assert list(tmp_path.iterdir()) == []


def test_files_of_options_are_searched_too(train, tmp_path):
    (tmp_path / "own/hydra/launcher").mkdir(parents=True)
    for name, x in (("a", '${oc.decode:"[{_target_: os.system}]"}'), ("b", "${oc.create:{y:{_target_:os.system}}}")):
        (tmp_path / f"own/hydra/launcher/{name}.yaml").write_text(f"_target_: hydra_plugins.mnist_np.LocalLauncher\nx: '{x}'\n")
        done = train("-m", "seed=1", f"hydra/launcher={name}", f"--config-dir={tmp_path / 'own'}")
        assert "a config may not name code to call" in done.err
        assert done.code == 2


def test_every_entry_is_found_at_any_depth():
    config = OmegaConf.create({"hydra": {"launcher": {"x": "${y}", "z": "???"}}, "y": [[{"a": None}, {"b": 1}]]})
    found = [(path, key) for path, key, _ in entries(config)]
    assert ("y.0.1", "b") in found
    assert ("hydra.launcher.x.0.0", "a") in found


def test_loggers_of_hydra_itself_are_allowed(train):
    done = train(
        "data=synthetic", "training.epochs=1", "tracking=off", "hydra/job_logging=default", "hydra/hydra_logging=default"
    )
    assert done.code == 0, done.err


WORKERS = ["-1", "0", "abc", "1.5", "true", "[2]", "{a: 1}", "10000000000000000000", "''"]


@pytest.mark.parametrize("workers", WORKERS)
def test_workers_are_a_number(workers, train, tmp_path):
    done = train("-m", "data=synthetic", "seed=1,2", "hydra/launcher=local", f"hydra.launcher.workers={workers}")
    assert done.code == 2
    assert "must be a whole number from 1 to 1024, or null" in done.err
    assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


SIZES = {
    "seed=range(100000000)": "there would be 100,000,000 jobs (seed 100,000,000)",
    "seed=shuffle(range(100000000))": "100,000,000 jobs",
    "seed=range(0,1,1e-9)": "1,000,000,000 jobs",
    "seed=range(-9e300,9e300)": "more than 10^15 jobs",
    "seed=range(1,1)": "seed=range(1,1): has no values",
    "seed=range(5,1)": "has no values",
    "seed=range(0,5,0)": "a step other than 0",
    "seed=range(0,inf)": "finite numbers",
    "seed=range(0,nan)": "finite numbers",
    "seed=" + ",".join(map(str, range(101))) + " optimizer.lr=range(100)": "10,100 jobs (seed 101 x optimizer.lr 100)",
    "seed=range(11) sweep.max_jobs=10": "sweep.max_jobs=10: there would be 11 jobs",
    "sweep=seeds sweep.max_jobs=2": "jobs",
    "hydra/sweeper=search seed=shuffle(range(100000000))": "100,000,000 values for one key",
}


@pytest.mark.parametrize("words", SIZES)
def test_a_sweep_is_counted_before_it_is_made(words, train, tmp_path):
    done = train("-m", "data=synthetic", *words.split(" "))
    assert done.code == 2
    assert SIZES[words] in done.err
    assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


ODD = [
    ["~optimizer=1"],
    ["-m", "~optimizer=1"],
    ["init=${oc.decode:'1'}"],
    ["experiment=[true]"],
    ["-m", "experiment=[true]"],
    ["experiment=[[a]]"],
    ["-m", "experiment=[1],[null]"],
    ["debug={a:1}"],
    ["-m", "training.threads=range(1,1)"],
    ["augment=affine", "augment.cutout=9223372036854775808"],
    ["model.hidden=[" + ",".join(["1"] * 1001) + "]"],
    ["--cfg", "job", "init=${oc.decode:'1'}"],
    ["--info", "config", "init=${oc.decode:'1'}"],
    ["--config-name=../config"],
    ["--config-path=/nowhere"],
    ["--config-dir=/dev/null"],
]


@pytest.mark.parametrize("words", ODD, ids=lambda words: " ".join(words)[:60])
def test_odd_words_are_one_line(words, train, tmp_path):
    done = train("data=synthetic", "tracking=off", *words)
    assert done.code == 2, done.out
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1, done.err
    assert list(tmp_path.iterdir()) == []


FILES = {
    "binary": bytes(range(256)),
    "deep": b"[" * 20_000,
    "deep mappings": b"\n".join(b" " * i + b"a:" for i in range(2000)),
    "not UTF-8": b"a: \xff",
    "a tag": b"!!python/object/apply:os.system ['touch called']",
    "a digit too many": b"seed: " + b"9" * 5000,
    "a list": b"[1]",
    "a word": b"word",
    "a null byte": b"a: \0",
    "a tab": b"a:\n\tb: 1",
    "endless aliases": b"a: &a [*a]",
    "two documents": b"a: 1\n---\nb: 1\n",
    "large": b"#" * (1 << 21),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_odd_files_of_options_are_one_line(content, train, tmp_path):
    (tmp_path / "own/experiment").mkdir(parents=True)
    (tmp_path / "own/experiment/odd.yaml").write_bytes(content)
    done = train("data=synthetic", "tracking=off", "--config-dir=own", "experiment=odd")
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1, done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]


def test_pipes_among_the_options_are_not_opened(train, tmp_path):
    (tmp_path / "own/experiment").mkdir(parents=True)
    os.mkfifo(tmp_path / "own/experiment/odd.yaml")
    done = train("data=synthetic", "tracking=off", "--config-dir=own", "experiment=odd")
    assert (done.code, "odd.yaml: is a device or pipe" in done.err) == (2, True)
