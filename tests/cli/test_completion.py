"""Completion in real shells: what Tab offers, and that nothing else lands in the prompt."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnist_np.cli.commands import COMMANDS
from mnist_np.cli.complete import SCRIPTS, candidates
from mnist_np.cli.main import main


def test_what_can_follow():
    assert candidates("mnist-np ") == list(COMMANDS)
    assert candidates("mnist-np tr") == ["train"]
    assert candidates("mnist-np train --mu") == ["--multirun"]
    assert candidates("mnist-np train optim") == ["optimizer.", "optimizer="]
    assert candidates("mnist-np train optimizer.l") == ["optimizer.lr="]
    assert candidates("mnist-np train optimizer=adam optimizer.bet") == ["optimizer.beta1=", "optimizer.beta2="]
    assert candidates("mnist-np train -m activation=t") == ["activation=tanh"]
    assert candidates("mnist-np train hydra/launcher=lo") == ["hydra/launcher=local"]
    assert candidates("mnist-np train experiment=lecun") == ["experiment=lecun_300_100"]
    assert candidates("mnist-np ui --") == []  # files, as the shell completes them


def test_internal_names_are_not_offered():
    groups = ("activation", "init", "loss", "optimizer", "schedule", "data", "augment", "training", "tracking", "sweep", "model")
    for group in groups:
        offered = candidates(f"mnist-np train {group}=")
        assert offered
        assert not [word for word in offered if "base_" in word]
    assert not [word for word in candidates("mnist-np train ") if "schema" in word or word.startswith("_")]


@pytest.mark.parametrize("line", ["--bad x", "optimizer=none optimizer.", "'model.hidden=[", "seed=1,2 ", "=", "a=b=", "--cfg "])
def test_nonsense_offers_nothing_and_prints_nothing(line, capfd):
    assert candidates(f"mnist-np train {line}") is not None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("words", [["-sc"], ["-sc", "install=csh"], ["-sc", "query"], ["train", "-sc", "install=tcsh"]])
def test_an_unknown_shell_is_named(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mnist-np", *words])
    assert main() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: -sc")
    assert error.count("\n") == 1


@pytest.mark.parametrize("shell", SCRIPTS)
@pytest.mark.parametrize("what", ["install", "uninstall"])
def test_the_scripts_are_printed(shell, what, monkeypatch, capsys):
    for words in (["-sc", f"{what}={shell}"], ["train", "-sc", f"{what}={shell}"]):
        monkeypatch.setattr(sys, "argv", ["mnist-np", *words])
        assert main() == 0
        assert "mnist" in capsys.readouterr().out


@pytest.fixture
def command(tmp_path):
    """A folder for PATH in which ``mnist-np`` is this package's."""
    script = tmp_path / "bin" / "mnist-np"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom mnist_np.cli.main import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return script.parent


STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(mnist-np -sc install=bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit && compinit -u -D && eval "$(mnist-np -sc install=zsh)"'),
}


@pytest.mark.parametrize("shell", STARTS)
def test_tab_in_a_real_shell(shell, command, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    start, install = STARTS[shell]
    root = str(Path(__file__).parents[2])
    path = f"{command}:{os.environ['PATH']}"
    environment = {"PATH": path, "PS1": "> ", "TERM": "dumb", "HOME": str(tmp_path), "PYTHONPATH": root}
    master, slave = pty.openpty()
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
    process = subprocess.Popen(start, env=environment, cwd=tmp_path, start_new_session=True, **ends)
    os.close(slave)

    def read(until):
        text, deadline = "", time.monotonic() + 30
        while until not in text and time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                text += os.read(master, 65536).decode(errors="replace")
        assert until in text, text
        return text

    try:
        os.write(master, f"{install} && echo instal''led\n".encode())
        read("installed")
        for typed, becomes in (("activation=softp", "=softplus"), ("optimizer.l", ".lr="), ("--multir", "--multirun")):
            os.write(master, f"mnist-np train seed=1 {typed}\t".encode())
            assert "rror" not in read(becomes)
            os.write(master, b"\x15")  # Ctrl-U: the line is not run
        os.write(master, b"mnist-np train loss=\t\t")
        text = read("focal")
        assert "base_" not in text
    finally:
        process.kill()
        process.wait()
        os.close(master)
