"""Imports run one way, and each big library has one door. Read from the source, lazy imports within functions included."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mnist_np"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a room may import from its own line and from those above it in this list.
ORDER = [
    ["component", "files", "streams", "provenance"],
    ["nn"],
    ["optim", "data"],
    ["registry"],
    ["serialize", "tensorfile"],
    ["training"],
    ["experiment", "weights", "teacher", "unfinished"],
    ["figures", "sweep"],
    ["console", "runfolder", "reference"],
    ["tracking"],
    ["cli", "benchmark"],
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}

# Libraries and the only rooms that may import them.
DOORS = {
    "mlflow": {"tracking"},
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "optuna": {"cli", "sweep"},
    "matplotlib": {"figures", "benchmark"},
}


class Imports(ast.NodeVisitor):
    """The modules that a file imports when it runs: what stands under ``if TYPE_CHECKING`` is left out."""

    def __init__(self, file: Path) -> None:
        self.modules: list[str] = []
        self.visit(ast.parse(file.read_text(encoding="utf-8")))

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.modules += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute"
        module = node.module or ""
        self.modules += [f"{module}.{alias.name}" for alias in node.names] if module == "mnist_np" else [module]


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def own(modules: list[str]) -> set[str]:
    """The rooms of this package among ``modules``."""
    return {module.split(".")[1] for module in modules if module.startswith("mnist_np.")} & set(LEVEL)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_run_one_way(file):
    room = room_of(file)
    if room == "__init__":
        assert Imports(file).modules == ["__future__"] or not Imports(file).modules
        return
    assert room in LEVEL, f"a new room: give {room} its place in ORDER"
    modules = Imports(file).modules
    upward = {other for other in own(modules) if LEVEL[other] > LEVEL[room]}
    assert not upward, f"{room} must not import {upward}"
    for library, rooms in DOORS.items():
        if any(module.split(".")[0] == library for module in modules):
            assert room in rooms, f"{library} is imported by {rooms} alone"


def test_the_mathematics_needs_numpy_alone():
    for file in (PACKAGE / "nn").rglob("*.py"):
        outside = {module.split(".")[0] for module in Imports(file).modules} - set(sys.stdlib_module_names)
        assert outside <= {"numpy", "mnist_np"}, file
        assert own(Imports(file).modules) <= {"nn", "component"}, file


def test_no_file_is_long():
    long = {str(file.relative_to(PACKAGE)): n for file in FILES if (n := len(file.read_text().splitlines())) > 250}
    assert not long


def test_experiments_run_where_hydra_and_mlflow_cannot_be_imported(tmp_path):
    code = """
import sys
for name in ("hydra", "omegaconf", "mlflow", "matplotlib", "optuna"):
    sys.modules[name] = None  # from now on importing it raises ImportError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, run
from mnist_np.training.settings import Training
assert run(Experiment(data=Synthetic(), training=Training(epochs=1))).status == "finished"
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_tracking_imports_no_mlflow(tmp_path):
    code = """
import sys
sys.modules["mlflow"] = None
from mnist_np.cli.train import main
sys.exit(main(["data=synthetic", "training.epochs=1", "tracking=off", "tracking.figures=false"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
