"""Imports run one way, and each big library has one door. Read from the source, lazy imports within functions included."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mnist_np"
FILES = sorted(PACKAGE.rglob("*.py"))

# The floors, from the ground up: a module may import from its own floor and from those above it in this list. A longer name
# takes a module out of its room.
FLOORS = [
    [
        "component",
        "extras",
        "files",
        "fitted_table",
        "html_page",
        "invocation",
        "machine",
        "memory",
        "notebook",
        "source_code",
        "sqlite_uri",
        "streams",
        "terminal",
    ],
    ["nn"],
    ["optim", "data", "metrics"],
    ["registry"],
    ["plugins", "serialize", "experiment"],
    ["fingerprint"],
    ["engine"],
    ["training"],
    ["storage"],
    ["api", "console", "figures", "portable"],
    ["storage.run_folder", "sweep"],
    ["figures.sweep"],
    ["sweep.html_report"],
    ["sweep.publish"],
    ["tracking"],
    [
        "sweep.attempt",
        "sweep.best_figures",
        "sweep.call",
        "sweep.executor",
        "sweep.job",
        "sweep.job_identity",
        "sweep.own_observers",
        "sweep.ray_executor",
        "sweep.run_config",
        "sweep.runner",
        "sweep.search",
        "sweep.single",
        "sweep.slurm_executor",
        "sweep.trial_jobs",
        "sweep.worker",
    ],
    ["papers"],
    ["serving"],
    ["commands"],
    ["cli"],
    ["__main__"],
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Libraries and the only rooms that may import them.
DOORS = {
    "mlflow": {"tracking"},
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "optuna": {"cli", "sweep"},
    "matplotlib": {"figures"},
    "starlette": {"serving"},
    "uvicorn": {"commands"},
    "onnx": {"portable"},
    "onnxruntime": {"portable"},
    "ray": {"sweep"},
    "submitit": {"sweep"},
}


def name_of(file: Path) -> str:
    """``nn/layers.py`` gives ``nn.layers``, ``nn/__init__.py`` gives ``nn``."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


MODULES = {name_of(file): file for file in FILES}


def imports(file: Path) -> set[str]:
    """All that a file imports, lazily or for types alone too; of this package the modules, such as ``mnist_np.nn.layers``."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner.removeprefix("mnist_np.") in MODULES else str(node.module))
    return found


def own(file: Path) -> set[str]:
    """The modules of this package that a file imports, without the package's name."""
    return {module.removeprefix("mnist_np.") for module in imports(file) if module.startswith("mnist_np.")}


def floor_of(module: str) -> int:
    """The floor of the longest name that holds the module."""
    names = [name for name in FLOOR if f"{module}.".startswith(f"{name}.")]
    assert names, f"a new room: give {module} its place in FLOORS"
    return FLOOR[max(names, key=len)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_run_one_way(file):
    module = name_of(file)
    if not module:
        return  # the package's face, which loads late
    upward = {other for other in own(file) if floor_of(other) > floor_of(module)}
    assert not upward, f"{module} must not import {upward}"
    for library, rooms in DOORS.items():
        if any(name.split(".")[0] == library for name in imports(file)):
            assert module.split(".")[0] in rooms, f"{library} is imported by {rooms} alone"


def test_no_file_is_in_a_circle():
    graph = {module: own(file) & set(MODULES) - {module} for module, file in MODULES.items() if module}
    while True:
        needed = {other for needs in graph.values() for other in needs}
        rest = {module: graph[module] & set(graph) for module in set(graph) & needed if graph[module] & set(graph)}
        if rest == graph:
            break
        graph = rest
    assert not graph, f"a circle among {sorted(graph)}"


def test_the_mathematics_needs_numpy_alone():
    for file in (PACKAGE / "nn").rglob("*.py"):
        outside = {module.split(".")[0] for module in imports(file)} - set(sys.stdlib_module_names)
        assert outside <= {"numpy", "mnist_np"}, file
        assert {module.split(".")[0] for module in own(file)} <= {"nn", "component"}, file


def test_private_parts_of_other_libraries_have_a_reason():
    """Their public faces do everything else; where they cannot, a comment above or in the line says why."""
    found = set()
    for file in FILES:
        lines = ["", *file.read_text(encoding="utf-8").splitlines()]
        for line in private_uses(file):
            found.add(name_of(file))
            assert "# " in lines[line] or lines[line - 1].strip().startswith("#"), f"{file}:{line}: {lines[line]}"
    of_hydra = {"cli.complete", "cli.compose", "cli.hydra_node"}
    assert found == of_hydra | {"cli.arguments", "sweep.ray_executor", "sweep.space", "sweep.study"}


def private_uses(file: Path) -> Iterator[int]:
    """The lines that import a private module, use a private attribute of another object, or name one of Hydra's modules."""
    documented = {"_exit", "_replace", "_asdict", "_fields"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [*str(node.module).split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "other")
        ):
            names = [] if node.attr in documented else [node.attr]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = node.value.split(".") if node.value.startswith("hydra._") else []
        else:
            continue
        if any(name.startswith("_") and not name.startswith("__") for name in names):
            yield node.lineno


def test_no_file_is_long():
    long = {str(file.relative_to(PACKAGE)): n for file in FILES if (n := len(file.read_text().splitlines())) > 250}
    assert not long


def test_experiments_run_where_hydra_and_mlflow_cannot_be_imported(tmp_path):
    code = """
import sys
for name in ("hydra", "omegaconf", "mlflow", "matplotlib", "optuna"):
    sys.modules[name] = None  # from now on importing it raises ImportError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment
from mnist_np.api import run
from mnist_np.experiment import Training
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


def test_each_test_file_has_a_name_of_its_own():
    """Their folders are no packages, so pytest imports them by their bare names."""
    names = [path.name for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py"]
    assert not [name for name in names if names.count(name) > 1]
