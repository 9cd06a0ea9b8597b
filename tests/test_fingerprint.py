"""The fingerprint holds all that determines a run's result, and nothing else."""

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from mnist_np import fingerprint, source_code
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.fingerprint import differences, identify
from mnist_np.nn.losses import Distillation
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import SGD, Adam

EXPERIMENT = Experiment(model=MLP(hidden=[8]), data=Synthetic())
BASE = identify(EXPERIMENT, "data")

CHANGED = {
    "model": lambda: identify(replace(EXPERIMENT, model=MLP(hidden=[9])), "data"),
    "optimizer": lambda: identify(replace(EXPERIMENT, optimizer=Adam()), "data"),
    "learning rate": lambda: identify(replace(EXPERIMENT, optimizer=SGD(lr=0.05)), "data"),
    "epochs": lambda: identify(replace(EXPERIMENT, training=Training(epochs=3)), "data"),
    "data": lambda: identify(EXPERIMENT, "other data"),
    "results version": lambda: replace(BASE, results_version=BASE.results_version + 1),
    "plugin": lambda: replace(BASE, plugins={"activation.Swishy": "0"}),
    "code": lambda: replace(BASE, code="0"),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_what_changes_a_result_changes_fingerprint_and_group(change):
    assert change().fingerprint != BASE.fingerprint
    assert change().group != BASE.group


def test_a_seed_changes_the_fingerprint_alone():
    other = identify(replace(EXPERIMENT, seed=1), "data")
    assert other.fingerprint != BASE.fingerprint
    assert other.group == BASE.group


def test_how_a_run_is_carried_out_changes_neither():
    training = Training(threads=2, metrics=["macro_f1"], diagnostics="epoch", checkpoint_every_epochs=3, resume="auto")
    assert identify(replace(EXPERIMENT, training=training), "data") == BASE


def test_a_release_changes_nothing(monkeypatch):
    monkeypatch.setattr("mnist_np.__version__", "99.0")
    assert identify(EXPERIMENT, "data") == BASE


def test_keys_that_came_later_change_nothing_until_they_are_used():
    """What the first release gave. A new key that does nothing at its default is to be marked `added`; a change of results
    raises `RESULTS_VERSION`, and then this value too."""
    assert replace(identify(Experiment(), "data"), code="").fingerprint == "b469e49b8e9a0151"
    vat = Experiment(training=Training(vat=1.0))
    assert identify(vat, "data").fingerprint != identify(Experiment(), "data").fingerprint


def test_a_whole_number_is_the_float_that_it_equals():
    whole, floats = MLP(hidden=[8], dropout=0, noise=[1], max_norm=[3, None]), MLP(hidden=[8], noise=[1.0], max_norm=[3.0, None])
    assert len({identify(replace(EXPERIMENT, model=model), "data").fingerprint for model in (whole, floats)}) == 1


def test_a_teacher_counts_by_its_weights():
    a, b = (replace(EXPERIMENT, loss=Distillation(teacher=path)) for path in ("a", "b"))
    assert identify(a, "data", "weights") == identify(b, "data", "weights")
    assert identify(a, "data", "weights").fingerprint != identify(a, "data", "other weights").fingerprint
    with pytest.raises(AssertionError):
        identify(a, "data")


def test_differences_name_what_changed():
    then, now = BASE.inputs(), identify(EXPERIMENT, "0" * 64).inputs()
    assert differences(then, now) == ["the data's SHA-256: data there, 000000000000... here"]
    now = replace(BASE, plugins={"activation.Swishy": "1"}).inputs()
    assert differences(then, now, ("then", "now")) == ["the source of activation.Swishy: nothing then, 1 now"]


def test_three_hundred_are_cheap():
    identify(EXPERIMENT, "data")
    began = perf_counter()
    for seed in range(300):
        identify(replace(EXPERIMENT, seed=seed), "data")
    assert perf_counter() - began < 1  # 0.05 s on an idle core


PLUGIN = """
    from dataclasses import dataclass
    {imports}
    from mnist_np.nn.activations import Tanh
    from mnist_np.registry import register

    @register("activation", "swishy")
    @dataclass
    class Swishy(Tanh):
        slope: float = {slope}

    @register("init", "own")
    @dataclass
    class Own(__import__("mnist_np.nn.initializers").nn.initializers.Xavier):
        pass
"""

PRINT = """
import sys
from mnist_np.fingerprint import identify
from mnist_np.plugins import load_plugins
from mnist_np.registry import lookup
from mnist_np.experiment import Experiment
from mnist_np.nn.mlp import MLP
load_plugins(sys.argv[1:2])
for experiment in (
    Experiment(),
    Experiment(activation=lookup("activation", "swishy")(slope=3.0)),
    Experiment(model=MLP(activations=["relu", "swishy"])),
    Experiment(model=MLP(init_output="own")),
    Experiment(model=MLP(inits=["own", None])),
):
    identity = identify(experiment, "data")
    print(identity.fingerprint, identity.group)
"""


def write(path: Path, imports="", slope=1.0) -> Path:
    path.write_text(textwrap.dedent(PLUGIN).format(imports=imports, slope=slope))
    return path


def fingerprints(plugin: Path) -> list[str]:
    """Those of the five experiments of `PRINT`, by a new process."""
    command = [sys.executable, "-c", PRINT, str(plugin)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=plugin.parent).stdout.splitlines()


def test_a_plugins_source_counts_where_the_experiment_uses_it(tmp_path):
    before = fingerprints(write(tmp_path / "parts.py"))
    after = fingerprints(write(tmp_path / "parts.py", slope=2.0))  # of the same length, within the same second
    assert before[0] == after[0] == " ".join([identify(Experiment(), "data").fingerprint, identify(Experiment(), "data").group])
    assert all(a != b for a, b in zip(before[1:], after[1:], strict=True))
    (tmp_path / "elsewhere").mkdir()
    assert fingerprints(write(tmp_path / "elsewhere" / "other_name.py")) == before
    assert not list(tmp_path.rglob("__pycache__"))


HELPERS = {
    "a module": ("import helper", "helper.py"),
    "names of a module": ("from helper import VALUE", "helper.py"),
    "a module of a package": ("import pack.inner", "pack/inner.py"),
    "a package's own file": ("import pack.inner", "pack/__init__.py"),
    "a relative import of it": ("from pack import outer", "pack/inner.py"),
    "a module that is imported late": ("def late():\n    import helper", "helper.py"),
}


@pytest.mark.parametrize(("imports", "file"), HELPERS.values(), ids=HELPERS)
def test_what_a_plugin_imports_of_the_users_own_counts(imports, file, tmp_path):
    (tmp_path / "pack").mkdir()
    for name in ("helper.py", "pack/__init__.py", "pack/inner.py"):
        (tmp_path / name).write_text("VALUE = 1\n")
    (tmp_path / "pack" / "outer.py").write_text("from . import inner\nfrom .inner import VALUE\n")
    plugin = write(tmp_path / "parts.py", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{imports}\nimport numpy, json")
    before = fingerprints(plugin)
    (tmp_path / "unrelated.py").write_text("VALUE = 1\n")
    assert fingerprints(plugin) == before
    (tmp_path / file).write_text("VALUE = 23\n")
    after = fingerprints(plugin)
    assert before[0] == after[0]
    assert all(a != b for a, b in zip(before[1:], after[1:], strict=True))


CELL = """
from dataclasses import dataclass
from typing import ClassVar

import helper
from mnist_np.optim.optimizers import SGD

GAIN = 2.0

def scaled(grads):
    return GAIN * grads

@dataclass
class Mine(SGD):
    full_batch: ClassVar[bool] = False

    @property
    def share(self):
        return 0.5 if self.lr in {0.1, 0.2, 0.3} else 1

    def update(self, state, params, grads, lr):
        super().update(state, params, 0 * grads, lr)
        params -= lr * self.share * helper.VALUE * scaled(grads)
"""

EDITS = {
    "a statement": ("params -=", "params +="),
    "a class variable": ("bool] = False", "bool] = True"),
    "a property": ("0.5 if", "0.25 if"),
    "a set": ("0.2, 0.3}", "0.2, 0.4}"),
    "a function that is called": ("GAIN * grads", "GAIN + grads"),
    "a number beside it": ("GAIN = 2.0", "GAIN = 3.0"),
    "a module": ("import helper", "import other as helper"),
}


@pytest.fixture
def cell(tmp_path, monkeypatch):
    """The hash of the class that a notebook's cell defines."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)  # a worker of pytest-xdist has none
    for name in ("helper", "other"):
        (tmp_path / f"{name}.py").write_text(f"VALUE = {len(name)}")

    def run(text):
        notebook = {"__name__": "__main__"}
        exec(text, notebook)
        return source_code.part_sha256(notebook["Mine"])

    yield run
    for name in ("helper", "other"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_a_class_of_a_notebook_counts_by_what_it_does(old, new, cell):
    assert cell(CELL) == cell("\n# Moved.\n" + CELL)
    assert cell(CELL) != cell(CELL.replace(old, new))


def test_what_a_class_of_a_notebook_calls_may_be_defined_anew(cell):
    notebook = {"__name__": "__main__"}
    exec(CELL, notebook)
    before = source_code.part_sha256(notebook["Mine"])
    exec("def scaled(grads): return 0 * grads", notebook)
    assert source_code.part_sha256(notebook["Mine"]) != before


def test_a_class_that_python_is_given_as_text_counts_the_same_in_every_process(cell, tmp_path):
    ask = CELL + "from mnist_np.source_code import part_sha256; print(part_sha256(Mine))"
    root = {"PYTHONPATH": f"{Path(source_code.PACKAGE).parent}:{tmp_path}"}
    for arguments, typed in (["-c", ask], None), (["-"], ask):
        command, env = [sys.executable, *arguments], os.environ | root
        told = subprocess.run(command, input=typed, env=env, capture_output=True, text=True, check=True).stdout
        assert told.strip() == cell(CELL)


@pytest.fixture
def checkout(tmp_path):
    """A checkout of this package with everything committed, and how to ask it for its hash and fingerprint."""
    root = Path(source_code.PACKAGE).parent
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "mnist_np"]
    files = subprocess.run(listing, cwd=root, capture_output=True, check=True).stdout
    for name in files.decode().split("\0"):
        if name.endswith((".py", ".pyi")) and (root / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((root / name).read_bytes())

    def git(*arguments):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "all")

    def ask():
        code = (
            "from mnist_np.source_code import edited_sha256; from mnist_np.fingerprint import identify\n"
            "from mnist_np.experiment import Experiment; print(edited_sha256(), identify(Experiment(), '').fingerprint, sep=',')"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip().split(",")

    return tmp_path / "mnist_np", git, ask


def test_edited_numeric_code_counts_until_it_is_committed(checkout):
    package, git, ask = checkout
    code, clean = ask()
    assert code == ""
    (package / "console.py").write_text("# not numeric\n")
    (package.parent / "README.md").write_text("new\n")
    assert ask() == ["", clean]
    file = package / "optim" / "descent.py"
    file.write_text(file.read_text() + "# one\n")
    edited, first = ask()
    assert edited
    assert first != clean
    file.write_text(file.read_text() + "# two\n")
    assert len({clean, first, ask()[1]}) == 3
    git("commit", "-qam", "edited")
    assert ask() == ["", clean]
    (package / "nn" / "new.py").write_text("")
    assert ask()[0]


def test_an_installed_package_adds_nothing(checkout):
    package, _, ask = checkout
    (package / "nn" / "new.py").write_text("")
    assert ask()[0]
    (package.parent / "site").mkdir()
    package.rename(package.parent / "site" / "mnist_np")
    code = "from mnist_np.source_code import edited_sha256, git; print([edited_sha256(), git()])"
    done = subprocess.run([sys.executable, "-c", code], cwd=package.parent / "site", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['', {}]"


def test_workers_hash_the_code_when_the_fork_server_imports_it():
    code = "import mnist_np.sweep.worker; from mnist_np.source_code import *; print(edited_sha256.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_the_numeric_files_are_there():
    assert all((source_code.PACKAGE / name).exists() for name in source_code.NUMERIC)
    assert fingerprint.RESULTS_VERSION >= 1
