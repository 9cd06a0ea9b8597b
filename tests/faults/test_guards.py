"""Promises of SECURITY.md that are kept by what is not in the code: nothing that runs what a file says, and no open doors."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from mnist_np.cli.train import main

pytestmark = pytest.mark.fault

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "mnist_np").rglob("*.py"), *(ROOT / "scripts").glob("*.py")])
YAMLS = sorted((ROOT / "conf").rglob("*.yaml"))

MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "code", "codeop"}
"""They turn data into code."""
BETWEEN_OWN_PROCESSES = {"training/parallel/worker.py", "training/parallel/trainer.py"}
"""pickle goes through the pipe between a process and the helper that it started itself, and into no file."""
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "input",
}
CODE_FROM_A_FILE = {"plugins.py"}
"""Plugins are code, and are named by the user."""


def called(node):
    """``os.system`` for the call ``os.system("...")``."""
    parts, target = [], node.func
    while isinstance(target, ast.Attribute):
        parts.append(target.attr)
        target = target.value
    return ".".join(reversed([*parts, target.id])) if isinstance(target, ast.Name) else ""


def findings(path):
    """What a source file does that it must not."""
    place = path.relative_to(ROOT / "mnist_np").as_posix() if path.is_relative_to(ROOT / "mnist_np") else path.name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if MODULES & {name.split(".")[0] for name in names} and place not in BETWEEN_OWN_PROCESSES:
                yield f"line {node.lineno} imports {names}"
        elif isinstance(node, ast.Call):
            name, keywords = called(node), {k.arg: ast.unparse(k.value) for k in node.keywords}
            if (name in CALLS and place not in CODE_FROM_A_FILE) or ("exec_module" in name and place not in CODE_FROM_A_FILE):
                yield f"line {node.lineno} calls {name}"
            if keywords.get("shell") == "True" or keywords.get("allow_pickle") == "True":
                yield f"line {node.lineno} calls {name} with {keywords}"
        elif isinstance(node, ast.Constant) and node.value in ("0.0.0.0", "::"):
            yield f"line {node.lineno} names all interfaces"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_runs_what_a_file_says(path):
    assert list(findings(path)) == []


def test_the_guard_finds_what_it_looks_for(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(
        "import pickle\nfrom marshal import loads\neval('1')\nyaml.load(x)\nnp.load(f, allow_pickle=True)\n"
        "run(c, shell=True)\nspec.loader.exec_module(m)\nserve('0.0.0.0')\n"
    )
    assert len(list(findings(path))) == 8


def targets(node, path=()):
    """Every ``_target_`` in a YAML file's content."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "_target_":
            yield value
        yield from targets(value, (*path, key))


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_config_names_code_or_objects(path):
    """Only what launches and chooses jobs, which Hydra itself makes, is named by a ``_target_``; `compose.py` refuses others."""
    text = path.read_text(encoding="utf-8")
    found = list(targets(yaml.safe_load(text) or {}))
    inside = path.relative_to(ROOT / "conf").parts
    assert not found or (inside[:2] in (("hydra", "launcher"), ("hydra", "sweeper")) and len(found) == 1)
    assert not re.search(r"(^|[\s:-])!!?\w", re.sub(r"#.*", "", text)), "tags of objects"


ESCAPES = ["../../escaped", "/tmp/mnist-np-escaped", "..", "a/../../../b", "~/escaped", "a b\t", "é" * 300, "-rf", "$(touch x)"]


@pytest.mark.parametrize("name", ESCAPES)
def test_no_name_leads_out_of_the_outputs(name, tmp_path, monkeypatch, capsys):
    """A run's, a sweep's and an MLflow experiment's name are only names."""
    work = tmp_path / "deep" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    before = set(tmp_path.rglob("*"))
    quoted = "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
    small = ["data=synthetic", "model.hidden=[4]", "training.epochs=1", "tracking=off", "tracking.figures=false"]
    for words in ([f"name={quoted}"], ["-m", f"sweep.name={quoted}", "seed=1,2"]):
        assert main([*small, *words]) in (0, 1, 2)
    assert "Traceback" not in capsys.readouterr().err
    made = {path.relative_to(work).parts[0] for path in tmp_path.rglob("*") if path not in before and path.is_relative_to(work)}
    assert made <= {"outputs"}
    assert not [path for path in tmp_path.rglob("*") if path not in before and not path.is_relative_to(work)]
    assert not Path("/tmp/mnist-np-escaped").exists()


WRITERS = {"files.py", "data/cache.py", "data/download.py", "tracking/server.py", "training/parallel/worker.py"}
"""Where files are opened for writing: whole or not at all; the cache and downloads by ways of their own; a log; a pipe."""


def writes(path):
    """The lines in which a source file opens a file for writing, or writes one in a single call that can stop halfway."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = called(node).rpartition(".")[2] or getattr(node.func, "attr", "")
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        opens = name in ("open", "fdopen") and any(re.fullmatch(r"[rbt+]*[wax][rbt+]*", mode) for mode in modes)
        if opens or name in ("write_text", "write_bytes"):
            yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_small_file_is_written_whole_or_not_at_all(path):
    """By `files.write_atomically`, or line by line by `files.append`."""
    if path.is_relative_to(ROOT / "mnist_np") and path.relative_to(ROOT / "mnist_np").as_posix() not in WRITERS:
        assert list(writes(path)) == []


def test_the_guard_of_writers_finds_what_it_looks_for(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("open(p, 'w')\nPath(p).write_text('x')\np.open('ab')\nos.fdopen(1, 'wb')\nopen(p)\nopen(p, 'rb')\n")
    assert len(list(writes(path))) == 4
