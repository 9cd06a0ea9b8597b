"""The command line where its surroundings are odd: a terminal that knows ASCII alone, a folder that is gone."""

import os
import subprocess
import sys

import pytest

from mnist_np.cli.commands import COMMANDS

SMALL = ["data=synthetic", "model.hidden=[4]", "training.epochs=1", "tracking=off", "tracking.figures=false"]
ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def call(folder, *words, **environment):
    command = [sys.executable, "-m", "mnist_np", *map(str, words)]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("environment", ENCODINGS.values(), ids=ENCODINGS)
def test_any_encoding_will_do(environment, tmp_path):
    for words in (["train", *SMALL, "name='é'"], ["train", "-m", *SMALL, "seed=1,2"]):
        done = call(tmp_path, *words, **environment)
        assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("outputs/runs/*/*")
    for words in (["compare", run, run.parent], ["--help"], ["train", "--help", "optimizer"], ["train", "--cfg", "job"]):
        done = call(tmp_path, *words, **environment)
        assert done.returncode == 0, done.stderr
    done = call(tmp_path, "predict", run, "é💥.png", **environment)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.isascii()


WORDS = {
    "train": SMALL,
    "ui": [],
    "compare": ["x"],
    "rerun": ["x"],
    "evaluate": ["x"],
    "export": ["x"],
    "predict": ["x", "y"],
    "sync": ["x"],
    "reproduce": [],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_gone_is_one_line(command, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"import os, sys; os.rmdir({str(gone)!r}); from mnist_np.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, command, *WORDS.get(command, [])],
        cwd=gone,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the folder that this command is run in cannot be used: No such file or directory\n"
