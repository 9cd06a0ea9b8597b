"""What a reader may copy works in bash and in zsh: each command line, and each override that stands in a text."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import examples
import pytest

SHELLS = {"bash": ["bash", "--norc", "-O", "failglob", "-c"], "zsh": ["zsh", "-f", "-c"]}
COMMANDS = examples.commands()
GENERATED = "docs/results.md"
"""A page whose commands are made from rows that tests/papers composes, each like the others."""

TRAIN = {
    line: overrides
    for line, place in COMMANDS.items()
    if place != GENERATED and (overrides := examples.overrides_of(line)) is not None
}

TINY = ("training.epochs=1", "tracking=off", "tracking.figures=false")
"""Added to an example, so that it takes no time."""

HOURS = "tracking.experiment=papers"
"""In a line that trains a published result again, three large networks or more."""


def test_the_examples_are_found():
    assert any("README" in place for place in COMMANDS.values())
    assert any(place == "train --help" for place in COMMANDS.values())
    assert len(TRAIN) >= 8
    assert "python -m pip install -e . && python scripts/train.py" in COMMANDS


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder for PATH with programs that only note what they were called with."""
    folder = tmp_path_factory.mktemp("bin")
    for name in (*examples.PROGRAMS, "source", os.path.basename(sys.executable), "python3"):
        if "/" not in name and name not in ("eval", "source"):
            program = folder / name
            program.write_text('#!/bin/sh\n{ printf "%s\\037" "${0##*/}" "$@"; echo; } >>"$RECORD"\n')
            program.chmod(0o755)
    return folder


def recorded(shell, line, programs, folder):
    """The words of each program that the shell starts for the line."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    record = folder / shell
    record.touch()
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder), "RECORD": str(record)}
    line = line.replace(sys.executable, "python").replace(". venv/bin/activate", "true").replace(".ci/run", "python run")
    here = folder / "empty"
    here.mkdir(exist_ok=True)
    start = [*SHELLS[shell], line]
    done = subprocess.run(start, cwd=here, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, ""), line
    return [row.split("\037")[:-1] for row in record.read_text().splitlines()], line


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line", COMMANDS)
def test_a_shell_takes_an_example_as_it_stands(line, shell, programs, tmp_path):
    words, line = recorded(shell, line, programs, tmp_path)
    if "$(" in line:
        assert words == [shlex.split(re.search(r"\$\((.*)\)", line)[1])]
    else:
        assert words == [split for part in line.split("&&") if (split := shlex.split(part, comments=True)) != ["true"]]


@pytest.mark.parametrize("place", [place for place, text in examples.texts().items() if examples.OVERRIDE.search(text)])
def test_overrides_in_texts_are_quoted(place):
    assert not list(examples.unquoted(examples.texts()[place])), f"quote them: '{place}'"


@pytest.mark.parametrize("text", ["model.hidden=[1,2]", "see `seed=range(3)`.", "x (plugins=[a.py])", "name=a*b", "hydra.a=${b}"])
def test_what_needs_quotes(text):
    assert list(examples.unquoted(text))


@pytest.mark.parametrize("text", ["'model.hidden=[1,2]'", "seed=1,2", "(data.folder=PATH)", "run(E(model=MLP([1])))", "seed=3)"])
def test_what_needs_no_quotes(text):
    assert not list(examples.unquoted(text))


@pytest.mark.parametrize("line", TRAIN)
def test_an_example_runs(line, train, tmp_path):
    """In this process and made tiny; sweeps one run after the other."""
    words = [word for word in TRAIN[line] if not re.match("hydra[/.]launcher", word)]
    words = [re.sub(r"postgresql\S*@DBHOST", f"sqlite:///{tmp_path}", word) for word in words]  # a server of the reader's own
    if "--help" in words:
        assert train(*words).out
        return
    if "hydra/sweeper=search" in words or "sweep=search" in words:
        pytest.importorskip("optuna")
        words.append("sweep.search.trials=2")
    long = any(word.startswith(("sweep=phenomena/", "sweep=study")) for word in words)
    if HOURS in words or long:  # composed, and a step of each measured
        assert train(*[word for word in words if word != "sweep.dry_run=true"], "sweep.dry_run=true").code == 0
        return
    if "data.folder=PATH" in words:
        (tmp_path / "PATH").symlink_to(examples.ROOT / "mnist_np" / "data" / "mnist")
    elif not any(word.startswith("data=") for word in words):
        words.append("data=synthetic")
        if any(word.startswith("data.train_size=") for word in words):
            words.append("data.examples=10000")
    for name in (match[1] for word in words if (match := re.fullmatch(r"plugins=\[(\w+\.py)\]", word))):
        page = (examples.ROOT / "docs" / "start.md").read_text()
        (code,) = (block for block in examples.blocks(page) if f"# {name}" in block)
        (tmp_path / name).write_text(code)
    registers = any(word.startswith("tracking.register=") for word in words)  # which needs MLflow
    tiny = [word for word in TINY if word not in words and not (registers and word == "tracking=off")]
    outcome = train(*words, *tiny)
    assert outcome.code == 0, outcome.err
    assert "sweep.dry_run=true" in words or list(tmp_path.glob("outputs/*/*/*/result.json"))


@pytest.mark.slow
@pytest.mark.timeout(2000)
@pytest.mark.parametrize("line", TRAIN)
def test_an_example_runs_as_it_is_typed(line, tmp_path):
    """The very line, in one shell after the other, on real MNIST, in a folder that links to the scripts."""
    for name in ("scripts", "mnist_np", "conf", "pyproject.toml"):
        (tmp_path / name).symlink_to(examples.ROOT / name)
    if "plugins=" in line or "PATH" in line or "DBHOST" in line or "pip install" in line:
        pytest.skip("needs files or a server of the reader's own")
    if HOURS in line:
        pytest.skip("takes hours; scripts/reproduce.py compares what comes of it")
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(examples.ROOT)}
    for shell in filter(shutil.which, SHELLS):  # the second finds what the first has left, as a reader does who repeats a line
        start = [*SHELLS[shell], line]
        done = subprocess.run(start, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False)
        assert (done.returncode, done.stderr) == (0, ""), shell


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("activation=[relu,tanh]", "'model.activations=[relu,tanh]'"),
        ("model.hidden=1,2", "'model.hidden=[1,2]'"),
        ("name=a b(c)", "\"key='a b(c)'\""),
        ("optimizer.lr=interval(0.1,1)", "-m"),
        ("optimizer.bta=1", ""),
        ("plugins=no.py", ""),
        ("+experiment=keras_mnist_mlp", ""),
        ("model.hidden=x", ""),
        ("model.activations=relu", ""),
        ("model.dropout=x", ""),
        ("training.metrics=[x]", ""),
    ],
)
def test_advice_can_be_copied(typed, advice, train):
    outcome = train(typed)
    assert outcome.code == 2
    said = re.sub(r"^error: \S+=.*?: ", "", outcome.err.replace(typed, ""))  # after what was typed
    assert advice in said
    assert not list(examples.unquoted(said)), said


PYTHON = [
    (str(path.relative_to(examples.ROOT)), block)
    for path in examples.MARKDOWN
    for block in examples.blocks(path.read_text(encoding="utf-8"))
    if examples.is_python(block) and "@register" not in block
]


@pytest.mark.parametrize("page", sorted({page for page, _ in PYTHON}))
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """All its blocks in order, for one epoch each. A run that it looks at is made before."""
    from mnist_np import Experiment, Synthetic, Training, run
    from mnist_np.storage.run_folder import RunFolder

    monkeypatch.chdir(tmp_path)
    names = {"Training": Training}
    for block in (block for other, block in PYTHON if other == page):
        for folder in re.findall(r'load_run\("([^"]+)"', block):
            run(Experiment(data=Synthetic(), training=Training(epochs=1)), [RunFolder(tmp_path / folder, figures=False)])
        exec(block.replace("Experiment(model", "Experiment(training=Training(epochs=1), model"), names)
