"""Training from the command line: what was asked for, repeatable to the last bit, tidy when interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from safetensors.numpy import load_file

SMALL = ("data=synthetic", "tracking=off", "tracking.figures=false", "training.epochs=2")


def only_run(folder: Path) -> Path:
    """The folder of the one run below ``folder``."""
    (run,) = (path.parent for path in folder.glob("outputs/runs/*/*/result.json"))
    return run


def test_leaves_a_run_and_nothing_else(train, tmp_path):
    outcome = train(*SMALL)
    assert outcome.code == 0, outcome.err
    assert "test accuracy" in outcome.out
    run = only_run(tmp_path)
    names = {path.name for path in run.iterdir()}
    assert {"config.yaml", "history.csv", "weights.safetensors", "result.json"} <= names
    assert "run.log" not in names  # nothing went wrong
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["runs"]
    assert json.loads((run / "result.json").read_text())["status"] == "finished"


def test_trains_just_what_was_asked_for_twice_alike(train, tmp_path):
    asked = ("model.hidden=[30,10]", "activation=tanh", "init=xavier", "optimizer.lr=0.5", "seed=7", *SMALL)
    for folder in ("one", "two"):
        assert train(*asked, f"hydra.run.dir={folder}").code == 0
    config = yaml.safe_load((tmp_path / "one" / "config.yaml").read_text())
    assert config["model"]["hidden"] == [30, 10]
    assert (config["activation"]["name"], config["init"]["name"]) == ("tanh", "xavier")
    assert (config["optimizer"]["lr"], config["seed"], config["training"]["epochs"]) == (0.5, 7, 2)
    one, two = ((tmp_path / folder / "weights.safetensors").read_bytes() for folder in ("one", "two"))
    assert one == two


def test_another_seed_gives_other_weights(train, tmp_path):
    for seed in (1, 2):
        train(*SMALL, f"seed={seed}", f"hydra.run.dir={seed}")
    one, two = (load_file(tmp_path / str(seed) / "weights.safetensors") for seed in (1, 2))
    assert (one["W1"] != two["W1"]).any()


def test_activations_per_layer(train, tmp_path):
    train(*SMALL, "model.activations=[relu,sigmoid]", "model.inits=[null,xavier]", "hydra.run.dir=run")
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["model"]["activations"] == ["relu", "sigmoid"]
    assert config["model"]["inits"] == [None, "xavier"]


def test_outputs_may_lie_elsewhere(train, tmp_path, monkeypatch):
    assert train(*SMALL, "outputs=one").code == 0
    monkeypatch.setenv("MNIST_NP_OUTPUTS", str(tmp_path / "two"))
    assert train(*SMALL).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_an_option_of_ones_own(train, tmp_path):
    (tmp_path / "my" / "optimizer").mkdir(parents=True)
    (tmp_path / "my" / "optimizer" / "slow.yaml").write_text("defaults: [base_sgd, _self_]\nlr: 0.001\n")
    train(*SMALL, "--config-dir", "my", "optimizer=slow", "hydra.run.dir=run")
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["optimizer"]["lr"] == 0.001


def test_the_config_is_shown_instead_of_run(train, tmp_path):
    outcome = train("--cfg", "job", "optimizer=adam", "-p", "optimizer")
    assert outcome.code == 0
    assert yaml.safe_load(outcome.out)["beta1"] == 0.9
    assert list(tmp_path.iterdir()) == []


def test_flags_may_stand_anywhere(train, tmp_path):
    assert train("optimizer=adam", "--cfg", "job", "seed=3").code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_diverged_run_is_told_to_the_shell(train, tmp_path):
    outcome = train(*SMALL, "loss=mean_squared_error", "activation=identity", "optimizer.lr=1e30", "hydra.run.dir=run")
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "diverged"
    assert outcome.code == 1


@pytest.mark.parametrize("resume", ["never", "auto"])
def test_a_folder_where_another_process_is_at_work_is_refused_untouched(train, tmp_path, resume):
    folder = tmp_path / "run"
    with FileLock(folder / "checkpoints" / ".lock"):
        outcome = train(*SMALL, f"training.resume={resume}", "hydra.run.dir=run")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert "another process is still at work on this run" in outcome.err
        assert sorted(path.name for path in folder.rglob("*")) == [".lock", "checkpoints"]
    assert train(*SMALL, f"training.resume={resume}", "hydra.run.dir=run").code == 0
    assert not (folder / "checkpoints").exists()


def test_one_batch_is_learned_by_heart(train, tmp_path):
    assert train("debug=overfit", "tracking.figures=false", "hydra.run.dir=run").code == 0
    last = (tmp_path / "run" / "history.csv").read_text().splitlines()[-1].split(",")
    assert float(last[1]) < 0.01  # train/loss
    assert float(last[2]) == 1.0  # train/accuracy


def test_real_command_on_real_mnist(real_train, tmp_path):
    outcome = real_train("training.epochs=1", "tracking=off")
    assert outcome.code == 0, outcome.err
    result = json.loads((only_run(tmp_path) / "result.json").read_text())
    assert result["metrics"]["test/accuracy"] > 0.92
    assert len(list((only_run(tmp_path) / "figures").glob("*.png"))) >= 5
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_tidily(number, tmp_path):
    script = Path(__file__).parents[2] / "scripts" / "train.py"
    command = [sys.executable, str(script), "data=synthetic", "training.epochs=1000000", "tracking=off", "hydra.run.dir=run"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    history = tmp_path / "run" / "history.csv"
    deadline = time.monotonic() + 60
    while not (history.exists() and history.read_text().count("\n") > 2) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert "test accuracy" in out
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["status"], result["reason"]) == ("killed", number.name)
    assert (tmp_path / "run" / "weights.safetensors").exists()
