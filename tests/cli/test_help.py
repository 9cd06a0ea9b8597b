"""The help pages: complete, quick, and light."""

import subprocess
import sys
from pathlib import Path

import pytest

from mnist_np.cli.help import KEYS, defaults, group_page, key_lines, quoted, train_page
from mnist_np.cli.main import COMMANDS, page
from mnist_np.registry import REGISTRY

CONF = Path(__file__).parents[2] / "conf"


def test_page_has_all_groups_and_options():
    text = train_page([])
    for group, options in REGISTRY.items():
        assert f"\n  {group} " in text
        for name in options:
            assert name in text
    for word in ("experiment", "debug", "tracking", "-m", "--cfg job", "--config-dir", "--info", "--hydra-help", "outputs/"):
        assert word in text


def test_page_marks_the_defaults():
    assert defaults()["optimizer"] == "sgd"
    assert "sgd*" in train_page([])
    assert "mnist*" in train_page([])


@pytest.mark.parametrize("key", KEYS)
def test_most_used_keys_are_there_with_their_values(key):
    group, _, name = key.rpartition(".")
    file = CONF / group / f"{defaults()[group]}.yaml" if group else CONF / "config.yaml"
    value = next(value for k, value, _ in key_lines(file) if k == name)
    assert f"\n  {quoted(key, value)}" in train_page([])


def test_page_shows_five_commands():
    examples = train_page([]).partition("EXAMPLES\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) == 5
    assert all("train" in line for line in examples)


def test_page_fits_the_screen():
    assert max(map(len, train_page([]).splitlines())) <= 120


def test_page_of_a_group_explains_its_keys():
    text = group_page("optimizer", "adam")
    assert "optimizer=adam\n" in text
    assert "optimizer.beta1=0.9" in text
    assert "decay of the mean of gradients" in text
    assert "optimizer=sgd" not in text
    assert "optimizer=sgd" in train_page(["optimizer"])


def test_page_of_a_command_line_explains_its_groups():
    assert train_page(["optimizer=adam", "seed=3"]) == group_page("optimizer", "adam")


HEAVY = ("mlflow", "matplotlib", "hydra", "omegaconf", "numpy", "rich")


@pytest.mark.parametrize("command", ["train", "main"])
def test_help_imports_nothing_heavy(command):
    code = f"""
import sys
sys.argv = ["mnist-np", "--help"]
from mnist_np.cli.{command} import main
assert main() == 0
found = sorted(name for name in {HEAVY!r} if name in sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert "--help" in done.stdout


def test_commands_have_a_page_a_version_and_a_guess(monkeypatch, capsys):
    from mnist_np import __version__
    from mnist_np.cli.main import main

    def call(*argv):
        monkeypatch.setattr(sys, "argv", ["mnist-np", *argv])
        return main(), *capsys.readouterr()

    assert call() == call("--help") == (0, page() + "\n", "")
    assert all(f"mnist-np {name}" in page() for name in COMMANDS)
    assert call("--version") == (0, f"mnist-np {__version__}\n", "")
    code, _, err = call("trian")
    assert (code, err.count("\n")) == (2, 1)
    assert "did you mean 'train'?" in err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists(name):
    from importlib import import_module

    module, _, function = COMMANDS[name][0].partition(":")
    assert callable(getattr(import_module(module), function))


def test_sweeps_in_a_folder_are_options_of_sweep_under_their_whole_name():
    lines = [line.strip() for line in train_page([]).splitlines()]
    assert any("phenomena/dropout, " in line for line in lines)
    assert "sweep/phenomena" not in lines, "no group: sweep/phenomena=dropout chooses nothing"
    assert train_page(["sweep=phenomena/dropout"]).startswith("sweep=phenomena/dropout\n  Validation accuracy against")
