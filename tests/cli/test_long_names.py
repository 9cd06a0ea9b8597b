"""Names that are too long for any file, wherever a command takes one: nothing is found there, and one line says so."""

import sys

import pytest

NAME = "a" * 300
COMMANDS = [
    *(f"{verb} NAME" for verb in ("compare", "evaluate", "export", "figures", "rerun", "serve", "sync")),
    "predict NAME picture.png",
    *(f"{verb} --outputs NAME/b" for verb in ("ui", "sync")),
    "compare --outputs NAME run",
    "train outputs=NAME data=synthetic",
    "train training.resume=NAME data=synthetic",
    "train loss=distillation loss.teacher=NAME data=synthetic",
    "train plugins=[NAME.py]",
    "train --config-dir NAME",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_name_that_is_too_long(line, tmp_path, monkeypatch, capfd):
    from mnist_np.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mnist-np", *line.replace("NAME", NAME).split()])
    try:
        code = main()
    except SystemExit as error:
        code = error.code
    said = capfd.readouterr()
    if line.startswith("sync --outputs"):
        assert code == 0
        return
    assert code in (1, 2), said
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1, said.err
    assert not list(tmp_path.iterdir())
